# SPDX-License-Identifier: MIT
"""Cairn's memory, seen by gdb: cairn heaps, cairn pages, cairn pointer, cairn stats.

For a process that lives or its core file. Nothing is called in it and nothing is changed: what is
told is read from Cairn's own records, whose layout comes from the library's debugging information
(a library that was stripped cannot be looked at). A thread that was stopped in the middle of malloc
may have left a list half edited; then a figure may be off by a block.

docs/gdb.md has examples, src/core/page.h says what the records mean.
"""

import gdb

UNIT = 1 << 16
CHUNK_UNITS = 32
WORD = 8
CLASSES_MAX = 98
LIST_MAX = 1 << 17  # no list is that long: a broken one ends there

# src/core/page.h
STATES = ["none", "active", "asleep", "listed", "shelved", "large"]
ACTIVE, ASLEEP, LARGE = 1, 2, 5
ACTIVE_NEEDED = 1 << 20
COLD, DEPOT, OWNER_LARGE, KEPT, INTERIOR = 8, 16, 24, 32, 40
# src/core/heap_parts.h, huge.c, slot.h
HEAP_STATES = ["a thread's", "idle", "separate", "destroyed", "shared"]
SLOT_STATES = ["free", "in use", "being freed", "free, in a bin"]


def size_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


class Record:
    """The fields of a struct, for reading many of them at once."""

    def __init__(self, struct):
        self.size = struct.sizeof
        self.fields = {}
        for field in struct.fields():
            kind = field.type.strip_typedefs()
            self.fields[field.name] = (field.bitpos // 8, kind.sizeof)

    def __contains__(self, name):
        return name in self.fields

    def read(self, memory, at, name):
        offset, size = self.fields[name]
        return int.from_bytes(memory[at + offset : at + offset + size], "little")


class Page:
    """A copy of a page's descriptor."""

    def __init__(self, library, address, memory, at):
        record = library.page
        self.address = address
        for name in ("owner", "free", "needed", "size", "start", "capacity", "issued", "units",
                     "wake", "state", "offset"):
            setattr(self, name, record.read(memory, at, name))
        self.number = record.read(memory, at, "class")
        self.slots = record.read(memory, at, "slots") if library.is_hardened else 0

    def is_large(self):
        return self.state == LARGE or self.owner in (OWNER_LARGE, KEPT)

    def count_free(self):
        """Blocks in its list (page.h: page_free_count)."""
        full = self.issued
        if self.state == ACTIVE:
            full += ACTIVE_NEEDED
        elif self.state == ASLEEP:
            full = self.wake
        return min(max(full - self.needed, 0), self.issued)

    def count_live(self):
        return self.issued - self.count_free()

    def large_size(self):
        return self.units * UNIT - self.needed


class Library:
    """The Cairn of this process."""

    def __init__(self):
        self.memory = gdb.selected_inferior()
        self.objfile = self.find()
        window = self.symbol("cairn__window")
        scope = window.symtab.static_block()
        self.struct = lambda name: gdb.lookup_type("struct " + name, scope)
        self.page = Record(self.struct("page"))
        self.is_hardened = "slots" in self.page
        self.is_checked = self.objfile.lookup_global_symbol("cairn__proof_key") is not None
        self.heaps = self.list_heaps()
        self.numbers = {int(heap.address): number for number, heap in self.heaps}

    def find(self):
        found, stripped = None, None
        for objfile in gdb.objfiles():
            symbol = objfile.lookup_global_symbol("cairn__window")
            if symbol is None:
                if "libcairn" in (objfile.filename or ""):
                    stripped = objfile.filename
            elif found is None or int(symbol.value()["size"]) > 0:
                found = objfile
        if found is not None:
            return found
        if stripped is not None:
            raise gdb.GdbError(f"{stripped} has no debugging information: it was stripped. "
                               "This needs the library as it was built.")
        raise gdb.GdbError("There is no Cairn in this process, or it has not begun, or its library "
                           "is without debugging information.")

    def symbol(self, name):
        symbol = self.objfile.lookup_global_symbol(name)
        if symbol is None:
            raise gdb.GdbError(f"{self.objfile.filename} is not a Cairn that is known here: no {name}.")
        return symbol

    def static(self, function, name):
        """A static variable of the file in which the function is."""
        for symbol in self.symbol(function).symtab.static_block():
            if symbol.name == name and symbol.is_variable:
                return symbol.value()
        raise gdb.GdbError(f"{self.objfile.filename} is not a Cairn that is known here: no {name}.")

    def word(self, address):
        return int.from_bytes(self.memory.read_memory(address, WORD), "little")

    # ---- heaps ----

    def list_heaps(self):
        """(number, heap), the oldest first; the shared one last, as 0."""
        heaps = []
        heap = self.static("cairn__registry_take", "registry")["known"]
        while int(heap) != 0 and len(heaps) < LIST_MAX:
            heap = heap.cast(self.struct("heap").pointer()).dereference()
            heaps.append((int(heap["number"]), heap))
            heap = heap["next_known"]
        heaps.reverse()
        shared = self.static("cairn__shared_start", "shared")
        return heaps + [(0, shared)]

    def threads(self):
        """Which thread has which heap: {address of the heap: text}."""
        owners = {}
        selected = gdb.selected_thread()
        try:
            for thread in self.memory.threads():
                try:
                    thread.switch()
                    heap = int(self.symbol("cairn__heap").value())
                except gdb.error:
                    continue  # no thread-local storage to be seen: a core file without libthread_db
                owners[heap] = f"thread {thread.num}"
        finally:
            if selected is not None:
                selected.switch()
        return owners

    def name_of(self, owner):
        if owner == COLD:
            return "no heap yet"
        if owner == DEPOT:
            return "the depot"
        if owner in self.numbers:
            number = self.numbers[owner]
            return f"heap {number}" if number else "the shared heap"
        return f"owner {owner:#x}"

    # ---- pages ----

    def regions(self):
        regions = self.static("cairn__region_first", "regions")
        region = regions["window"]
        yield region
        region = regions["others"]
        while int(region) != 0:
            region = region.cast(self.struct("region").pointer()).dereference()
            yield region
            region = region["next"]

    def pages(self):
        for region in self.regions():
            units = int(region["opened"]) * CHUNK_UNITS
            if units == 0:
                continue
            base = int(region["pages"])
            memory = self.memory.read_memory(base, units * self.page.size).tobytes()
            for unit in range(units):
                at = unit * self.page.size
                if self.page.read(memory, at, "owner") not in (0, INTERIOR):
                    yield Page(self, base + at, memory, at)

    def page_at(self, region, address):
        """The page of an address in a region; None: its unit is not in use."""
        for _ in range(2):
            unit = (address - int(region["base"])) // UNIT
            if unit >= int(region["opened"]) * CHUNK_UNITS:
                return None
            at = int(region["pages"]) + unit * self.page.size
            page = Page(self, at, self.memory.read_memory(at, self.page.size).tobytes(), 0)
            if page.owner != INTERIOR:
                return page if page.owner != 0 else None
            address -= page.offset * UNIT
        return None

    def huge_blocks(self):
        record = self.static("cairn__huge_free", "huge")["records"]
        while int(record) != 0:
            record = record.cast(self.struct("huge").pointer()).dereference()
            if int(record["start"]) != 0:
                yield record
            record = record["next_record"]

    # ---- free blocks, where nothing but lists knows them (not hardened) ----

    def walk(self, block, last=0):
        for _ in range(LIST_MAX):
            if block == 0:
                return
            yield block
            if block == last:
                return
            block = self.word(block)

    def chain(self, batch, page):
        """The blocks of one page in a chain of batches (remote.c)."""
        for _ in range(LIST_MAX):
            if batch == 0:
                return
            if page.start <= batch < page.start + page.units * UNIT:
                packed = self.word(batch)
                yield batch - (batch - page.start) % page.size  # in the checked build, not its first word
                if packed & 0xFFFF > 1:
                    yield from self.walk(page.start + (packed >> 16 & 0xFFFF) * 16,
                                         page.start + (packed >> 32) * 16)
            batch = self.word(batch + WORD)

    def state_of(self, page, block):
        """Whether a block of a page of blocks is in use, in words."""
        if self.is_hardened:
            at = (block - page.start) // page.size
            slot = int.from_bytes(self.memory.read_memory(page.slots + 2 * at, 2), "little")
            return SLOT_STATES[slot & 3]
        if (block - page.start) // page.size >= page.issued:
            return "free, never handed out"
        if block in self.walk(page.free):
            return "free"
        for number, heap in self.heaps:
            name = f"heap {number}" if number else "the shared heap"
            if block in self.walk(int(heap["bin"][page.number])):
                return f"free, {name} hands it out next"
            rings = heap["ring"]
            for i in range(rings.type.range()[1] + 1):
                ring = rings[i]
                if int(ring["page"]) == page.address and int(ring["count"]) > 0 and \
                        block in self.walk(int(ring["first"]), int(ring["last"])):
                    return f"freed by {name}, on its way home"
            chains = [int(heap[name]) for name in ("inbox", "pending", "strays")]
            targets = heap["target"]
            chains += [int(targets[i]["first"]) for i in range(targets.type.range()[1] + 1)
                       if int(targets[i]["heap"]) != 0]
            if any(block in self.chain(chain, page) for chain in chains):
                return "freed by another thread, on its way home"
        return "in use"


def into(address, start):
    return f", {address - start} bytes into it" if address != start else ""


def describe(library, address):
    for region in library.regions():
        base = int(region["base"])
        if base <= address < base + int(region["size"]):
            return describe_in_region(library, library.page_at(region, address), address)
    sampled = library.symbol("cairn__sampled_range").value()
    if 0 <= address - int(sampled["start"]) < int(sampled["size"]):
        return "a sampled block, or between two (CAIRN_SAMPLE)"
    for huge in library.huge_blocks():
        start, size = int(huge["start"]), int(huge["asked" if library.is_hardened else "size"])
        if start <= address < start + max(size, 1):
            state = "in use" if int(huge["state"]) == library.live_huge else "free"
            return f"huge block of {size} bytes at {start:#x}, {state}{into(address, start)}"
    return "outside: not Cairn's memory"


def describe_in_region(library, page, address):
    if page is None:
        return "free memory of Cairn's, in no page"
    if page.is_large():
        size = page.large_size()
        if page.owner == KEPT:
            return f"large block of {size} bytes at {page.start:#x}, free, kept to serve again"
        if address >= page.start + size:
            return f"behind a large block of {size} bytes at {page.start:#x}"
        return f"large block of {size} bytes at {page.start:#x}, in use{into(address, page.start)}"
    at = (address - page.start) // page.size
    if at >= page.capacity:
        return f"behind the last block of the page {page.start:#x} (blocks of {page.size} bytes)"
    block = page.start + at * page.size
    state = library.state_of(page, block)
    return (f"block of {page.size} bytes at {block:#x}, {state}{into(address, block)} "
            f"(class {page.number}, page {page.start:#x}, {library.name_of(page.owner)})")


# ---- commands ----


class Cairn(gdb.Command):
    """Cairn's memory: heaps, pages, pointer, stats."""

    def __init__(self):
        super().__init__("cairn", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class Command(gdb.Command):
    def __init__(self, completion=gdb.COMPLETE_NONE):
        super().__init__("cairn " + type(self).__name__.lower(), gdb.COMMAND_DATA, completion)

    def invoke(self, argument, from_tty):
        try:
            library = Library()
            library.live_huge = live_huge(library)
            self.tell(library, gdb.string_to_argv(argument))
        except gdb.MemoryError as error:
            raise gdb.GdbError(f"What Cairn knows cannot be read: {error}")


def live_huge(library):
    """The value of LIVE in huge.c."""
    for symbol in library.symbol("cairn__huge_free").symtab.static_block():
        if symbol.name == "LIVE" and symbol.is_constant:
            return int(symbol.value())
    return 1


class Heaps(Command):
    """cairn heaps: all heaps, whose they are, and what is in them."""

    def tell(self, library, words):
        threads = library.threads()
        figures = {}
        for page in library.pages():
            if not page.is_large():
                pages, blocks, bytes_used = figures.get(page.owner, (0, 0, 0))
                live = page.count_live()
                figures[page.owner] = (pages + 1, blocks + live, bytes_used + live * page.size)
        print("  heap  address              whose          pages     blocks  bytes in use")
        rows = [(number, int(heap.address), heap) for number, heap in library.heaps]
        for number, address, heap in rows:
            pages, blocks, used = figures.pop(address, (0, 0, 0))
            state = int(heap["state"])
            whose = threads.get(address, HEAP_STATES[state])
            if (number == 0 or state == 3) and pages == 0:
                continue
            name = heap["name"].string(errors="replace") if bool(heap["separate"]) else ""
            print(f"{number or '-':>6}  {address:#018x}  {whose:13} {pages:6} {blocks:10} {used:13}"
                  + (f"  {name}" if name else ""))
        for owner, (pages, blocks, used) in sorted(figures.items()):
            print(f"     -  {'':18}  {library.name_of(owner):13} {pages:6} {blocks:10} {used:13}")
        print("Blocks in use include those that a heap has at hand, to give out next.")


class Pages(Command):
    """cairn pages [CLASS]: pages of blocks by class, or every page of a class."""

    def tell(self, library, words):
        if words:
            self.tell_class(library, int(gdb.parse_and_eval(words[0])))
            return
        classes = {}
        large = [0, 0]
        for page in library.pages():
            if page.is_large():
                large[0] += page.owner != KEPT
                large[1] += page.large_size() if page.owner != KEPT else 0
                continue
            row = classes.setdefault(page.number, [page.size, 0, 0, 0])
            row[1] += 1
            row[2] += page.count_live()
            row[3] += page.capacity
        print(" class   size   pages     blocks  of so many")
        for number, (size, pages, live, capacity) in sorted(classes.items()):
            print(f"{number:6} {size:6} {pages:7} {live:10} {capacity:11}")
        print(f"and {large[0]} large blocks, {size_text(large[1])}")

    def tell_class(self, library, number):
        print("  page                state     blocks  of so many  owner")
        for page in library.pages():
            if page.number == number and not page.is_large():
                print(f"  {page.start:#018x}  {STATES[page.state]:8} {page.count_live():7} "
                      f"{page.capacity:11}  {library.name_of(page.owner)}")


class Pointer(Command):
    """cairn pointer ADDRESS: which block, page or huge block an address is in, and whether it is in use."""

    def __init__(self):
        super().__init__(gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        self.argument = argument
        super().invoke("", from_tty)

    def tell(self, library, words):
        if not self.argument.strip():
            raise gdb.GdbError("cairn pointer ADDRESS: which address?")
        value = gdb.parse_and_eval(self.argument)
        address = int(value.cast(gdb.lookup_type("unsigned long")))
        print(f"{address:#x}: {describe(library, address)}")


class Stats(Command):
    """cairn stats: what Cairn has of the system, and what of it is in use."""

    def tell(self, library, words):
        reserved = opened = 0
        for region in library.regions():
            reserved += int(region["size"])
            opened += int(region["opened"]) * CHUNK_UNITS * UNIT
        blocks = used = pages = large = large_bytes = kept = held = 0
        for page in library.pages():
            held += page.units * UNIT
            if page.owner == KEPT:
                kept += page.units * UNIT
            elif page.is_large():
                large += 1
                large_bytes += page.large_size()
            else:
                pages += 1
                blocks += page.count_live()
                used += page.count_live() * page.size
        huge = [int(record["size"]) for record in library.huge_blocks()
                if int(record["state"]) == library.live_huge]
        print(f"library       {library.objfile.filename}"
              + (" (hardened)" if library.is_hardened else " (checked)" if library.is_checked else ""))
        print(f"address space {size_text(reserved)} reserved, {size_text(opened)} of it opened so far")
        print(f"blocks        {blocks} in use, {size_text(used)}, in {pages} pages")
        print(f"large blocks  {large} in use, {size_text(large_bytes)}; {size_text(kept)} kept")
        print(f"huge blocks   {len(huge)} in use, {size_text(sum(huge))}")
        print(f"free units    {size_text(opened - held)}")


Cairn()
Heaps()
Pages()
Pointer()
Stats()
