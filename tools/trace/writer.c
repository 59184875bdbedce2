/* SPDX-License-Identifier: MIT */
/*
 * What all forms of a trace have in common when they are written: indices, equal modules and nodes
 * defined once, numbers that grow, and the first error. See writer.h.
 */
#include "trace/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "own_memory.h"
#include "trace/forms.h"

struct trace_writer *trace_writer_create(FILE *stream, enum trace_form form,
                                         const struct trace_info *info)
{
    struct trace_writer *writer = memory_take(1, sizeof *writer);

    writer->stream = stream;
    writer->form = form == TRACE_TEXT ? &writer_text : &writer_compressed;
    defined_init(&writer->defined);
    writer->state = writer->form->create(writer, info);
    return writer;
}

void writer_put(struct trace_writer *writer, const void *bytes, size_t size)
{
    if (writer->error || size == 0)
        return;
    errno = 0;
    if (fwrite(bytes, 1, size, writer->stream) == size && fflush(writer->stream) == 0)
        writer->written += size;
    else
        writer->error = errno ? errno : EIO;
}

uint32_t trace_add_process(struct trace_writer *writer, const struct trace_process *process)
{
    uint32_t index = writer->defined.process_count++;
    struct trace_process is = *process;

    if (!is.command)
        is.command = "";
    if (is.parent > index)
        is.parent = index;
    writer->form->process(writer, index, &is);
    return index;
}

uint32_t trace_add_thread(struct trace_writer *writer, const struct trace_thread *thread)
{
    struct trace_thread is = *thread;

    if (!is.name)
        is.name = "";
    uint32_t index = defined_thread(&writer->defined, is.process);
    writer->form->thread(writer, index, &is);
    return index;
}

uint32_t trace_add_module(struct trace_writer *writer, const struct trace_module *module)
{
    struct trace_module is = {module->path ? module->path : "",
                              module->build_id ? module->build_id : ""};
    bool is_new;
    uint32_t index = defined_module(&writer->defined, &is, &is_new);

    if (is_new)
        writer->form->module(writer, index, &is);
    return index;
}

uint32_t trace_add_node(struct trace_writer *writer, const struct trace_node *node)
{
    bool is_new;
    uint32_t index = defined_node(&writer->defined, node, &is_new);

    if (is_new)
        writer->form->node(writer, index, node);
    return index;
}

void trace_write(struct trace_writer *writer, const struct trace_event *event)
{
    if (event->number > writer->number) {
        writer->number = event->number;
        writer->form->event(writer, event);
    } else {
        struct trace_event later = *event;
        later.number = ++writer->number;
        writer->form->event(writer, &later);
    }
    writer->events++;
}

void trace_flush(struct trace_writer *writer)
{
    writer->form->flush(writer);
}

uint64_t trace_written(const struct trace_writer *writer)
{
    return writer->written;
}

int trace_error(const struct trace_writer *writer)
{
    return writer->error;
}

bool trace_finish(struct trace_writer *writer)
{
    writer->form->finish(writer);
    int error = writer->error;
    defined_fini(&writer->defined);
    free(writer);
    if (error)
        message("cannot write the trace: %s", strerror(error));
    return error == 0;
}
