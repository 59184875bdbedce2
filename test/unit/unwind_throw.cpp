// SPDX-License-Identifier: MIT
// A library whose function throws through frames that clean up, and calls back while it does.

struct cleaner {
    void (*callback)();
    ~cleaner() { callback(); }
};

extern "C" int throw_call(void (*callback)(), int depth);

extern "C" __attribute__((noinline)) int throw_call(void (*callback)(), int depth)
{
    cleaner on_the_way{callback};
    if (depth == 0)
        throw 7;
    try {
        return throw_call(callback, depth - 1) + 1;
    } catch (int thrown) {
        callback();
        if (depth < 3)
            throw;
        return thrown;
    }
}
