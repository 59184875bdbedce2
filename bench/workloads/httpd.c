/* SPDX-License-Identifier: MIT */
/*
 * A small threaded web server on the loopback interface, for the comparison of web servers: worker
 * threads with an epoll set each share one listening socket. Every request is parsed into an object
 * with strings of its own, a page is rendered from a list of items, and all of it is freed when the
 * answer has been sent, as in most servers of applications. Connections are kept alive.
 *
 * usage: httpd [threads=N] [tell=FILE]: writes its port into FILE, and serves until SIGTERM. With
 * --check it is its own client for some requests, and ends.
 */
#define _GNU_SOURCE
#include "workload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS, ITEMS, PARAMETERS };
static struct parameter parameters[] = {
    [THREADS] = {"threads", 4, 4, 2}, [ITEMS] = {"items", 40, 40, 10}, /* of a page */
};

enum { ROOM = 1024, MOST_REQUEST = 1 << 16, EVENTS = 32, CHECKS = 50 };

struct field {
    struct field *next;
    char *name, *value;
};

struct request {
    char *method, *path;
    struct field *fields;
};

struct connection {
    int socket;
    char *bytes;
    size_t length, room;
};

struct text {
    char *bytes;
    size_t length, room;
};

static int listener;

/* --- requests and answers ------------------------------------------------------------------------- */

static char *copy(const char *text, size_t length)
{
    char *made = block_take(length + 1);
    memcpy(made, text, length);
    made[length] = '\0';
    return made;
}

static struct request *parse(const char *text)
{
    struct request *request = block_take(sizeof *request);
    size_t method = strcspn(text, " \r\n"), path = 0;

    *request = (struct request){.method = copy(text, method)};
    if (text[method] == ' ')
        path = strcspn(text + method + 1, " \r\n");
    request->path = copy(text + method + (path > 0), path);
    for (const char *line = strchr(text, '\n'); line && line[1] != '\r' && line[1] != '\0';
         line = strchr(line, '\n')) {
        size_t name = strcspn(++line, ":\r\n");
        if (line[name] != ':')
            continue;
        const char *value = line + name + 1 + strspn(line + name + 1, " ");
        struct field *field = block_take(sizeof *field);
        field->name = copy(line, name);
        field->value = copy(value, strcspn(value, "\r\n"));
        field->next = request->fields;
        request->fields = field;
    }
    return request;
}

static void drop(struct request *request)
{
    while (request->fields) {
        struct field *next = request->fields->next;
        free(request->fields->name);
        free(request->fields->value);
        free(request->fields);
        request->fields = next;
    }
    free(request->method);
    free(request->path);
    free(request);
}

static void append(struct text *text, const char *more)
{
    size_t length = strlen(more);

    if (text->length + length >= text->room) {
        text->room = (text->length + length) * 2 + 64;
        text->bytes = realloc(text->bytes, text->room);
        if (!text->bytes)
            workload_fail("out of memory");
    }
    memcpy(text->bytes + text->length, more, length + 1);
    text->length += length;
}

static struct text render(const struct request *request)
{
    struct text page = {0};

    append(&page, "<html><h1>");
    append(&page, request->path);
    append(&page, "</h1><ul>\n");
    for (unsigned long i = 0; i < parameters[ITEMS].value; i++) {
        char *item = block_take(96);
        snprintf(item, 96, "<li>item %lu costs %lu and weighs %lu</li>\n", i, i * 37 % 101,
                 i * i % 53);
        append(&page, item);
        free(item);
    }
    for (const struct field *field = request->fields; field; field = field->next) {
        append(&page, field->name);
        append(&page, " ");
    }
    append(&page, "</ul></html>\n");
    return page;
}

static bool send_all(int to, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(to, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd waiting = {.fd = to, .events = POLLOUT};
            poll(&waiting, 1, 1000);
        } else if (sent < 0 && errno != EINTR) {
            return false;
        } else if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
    }
    return true;
}

static bool answer(int to, const char *text)
{
    struct request *request = parse(text);
    struct text page = render(request), whole = {0};
    char *head = block_take(160);

    snprintf(head, 160, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %zu\r\n\r\n",
             page.length);
    append(&whole, head);
    append(&whole, page.bytes);
    bool sent = send_all(to, whole.bytes, whole.length);
    free(head);
    free(page.bytes);
    free(whole.bytes);
    drop(request);
    return sent;
}

/* --- connections ---------------------------------------------------------------------------------- */

static void hang_up(struct connection *connection)
{
    close(connection->socket);
    free(connection->bytes);
    free(connection);
}

/* Reads what there is, and answers whole requests. False at the end of the connection. */
static bool serve(struct connection *connection)
{
    for (;;) {
        if (connection->length + ROOM > connection->room) {
            connection->room = connection->length + 2 * ROOM;
            connection->bytes = realloc(connection->bytes, connection->room + 1);
            if (!connection->bytes || connection->room > MOST_REQUEST)
                return false;
        }
        ssize_t got = recv(connection->socket, connection->bytes + connection->length,
                           connection->room - connection->length, 0);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        connection->length += (size_t)got;
        connection->bytes[connection->length] = '\0';
        for (char *end; (end = strstr(connection->bytes, "\r\n\r\n"));) {
            size_t used = (size_t)(end - connection->bytes) + 4;
            end[2] = '\0';
            if (!answer(connection->socket, connection->bytes))
                return false;
            connection->length -= used;
            memmove(connection->bytes, connection->bytes + used, connection->length + 1);
        }
    }
}

static void welcome(int set)
{
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (socket < 0)
        return;
    struct connection *connection = block_take(sizeof *connection);
    *connection = (struct connection){.socket = socket};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    if (epoll_ctl(set, EPOLL_CTL_ADD, socket, &event) < 0)
        hang_up(connection);
}

static void *work(void *unused)
{
    int set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN | EPOLLEXCLUSIVE};

    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, listener, &event) < 0)
        workload_fail("cannot wait for connections");
    for (;;) {
        int count = epoll_wait(set, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (!events[i].data.ptr)
                welcome(set);
            else if (!serve(events[i].data.ptr))
                hang_up(events[i].data.ptr);
        }
    }
    return unused;
}

/* --- the server ----------------------------------------------------------------------------------- */

static unsigned listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 128) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        workload_fail("cannot listen");
    return ntohs(address.sin_port);
}

static void tell(const char *path, unsigned port)
{
    char text[16];
    int length = snprintf(text, sizeof text, "%u\n", port);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0 || write(fd, text, (size_t)length) != length)
        workload_fail("cannot tell its port");
    close(fd);
}

static void check(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    static const char question[] = "GET /page HTTP/1.1\r\nHost: here\r\nX-Mark: 1\r\n\r\n";
    char reply[8192];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CHECKS; i++) {
        int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        size_t length = 0;
        if (client < 0 || connect(client, (struct sockaddr *)&address, sizeof address) < 0 ||
            !send_all(client, question, sizeof question - 1))
            workload_fail("cannot ask itself");
        do {
            ssize_t got = recv(client, reply + length, sizeof reply - 1 - length, 0);
            if (got <= 0)
                workload_fail("no answer");
            length += (size_t)got;
            reply[length] = '\0';
        } while (!strstr(reply, "</html>"));
        if (!strstr(reply, "<h1>/page</h1>") || !strstr(reply, "X-Mark Host"))
            workload_fail("an answer does not hold what was asked for");
        close(client);
    }
}

int main(int argc, char **argv)
{
    const char *file = NULL;
    sigset_t end;
    pthread_t thread;
    int signal;

    for (int i = 1; i < argc; i++) /* the one parameter that is no number */
        if (strncmp(argv[i], "tell=", 5) == 0) {
            file = argv[i] + 5;
            argv[i] = argv[--argc];
        }
    workload_start(argc, argv, "a threaded web server", parameters, PARAMETERS);
    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    pthread_sigmask(SIG_BLOCK, &end, NULL);
    unsigned port = listen_somewhere();
    for (unsigned long i = 0; i < parameters[THREADS].value; i++)
        if (pthread_create(&thread, NULL, work, NULL) != 0)
            workload_fail("cannot start a thread");
    if (file)
        tell(file, port);
    if (workload_checks)
        check(port);
    else
        sigwait(&end, &signal);
    return 0;
}
