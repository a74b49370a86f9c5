// A transform with ninety tables, about as many as a module may have, which it lets grow by twelve thousand elements each,
// a million together, with every call. Where the host does not allow that, it traps.
#include <stdlib.h>

#include "transform_plugin.h"

#define REPEAT(what, tens) \
    what(tens##0) what(tens##1) what(tens##2) what(tens##3) what(tens##4) what(tens##5) what(tens##6) what(tens##7) what(tens##8) what(tens##9)
#define NINETY(what) \
    REPEAT(what, 0) REPEAT(what, 1) REPEAT(what, 2) REPEAT(what, 3) REPEAT(what, 4) REPEAT(what, 5) REPEAT(what, 6) REPEAT(what, 7) REPEAT(what, 8)
// Tables of functions, in assembly: from C, the compiler only makes tables of a kind that loglite's engine does not have.
#define DECLARE(n) \
    __asm__(".tabletype table_" #n ", funcref\n" \
            "table_" #n ":\n" \
            ".globl grow_" #n "\n" \
            ".type grow_" #n ",@function\n" \
            "grow_" #n ":\n" \
            ".functype grow_" #n " (i32) -> (i32)\n" \
            "ref.null_func\n" \
            "local.get 0\n" \
            "table.grow table_" #n "\n" \
            "end_function\n"); \
    int grow_##n(int elements);
#define GROW(n) \
    if (grow_##n(12000) < 0) __builtin_trap();

NINETY(DECLARE)

bool exports_loglite_plugin_transform_configure(transform_plugin_string_t *config,
                                                exports_loglite_plugin_transform_failure_t *err) {
    (void)err;
    transform_plugin_string_free(config);
    return true;
}

void exports_loglite_plugin_transform_apply(transform_plugin_string_t *source, transform_plugin_list_string_t *entries,
                                            exports_loglite_plugin_transform_list_verdict_t *ret) {
    NINETY(GROW)
    ret->len = entries->len;
    ret->ptr = calloc(entries->len, sizeof *ret->ptr);
    for (size_t i = 0; i < ret->len; i++) ret->ptr[i].tag = EXPORTS_LOGLITE_PLUGIN_TRANSFORM_VERDICT_KEEP;
    transform_plugin_string_free(source);
    transform_plugin_list_string_free(entries);
}
