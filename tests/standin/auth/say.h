/* say.h -- one line to people, on stderr: "standin-auth: what: why". */
#ifndef STANDIN_AUTH_SAY_H
#define STANDIN_AUTH_SAY_H

#include <stddef.h>

/* sysexits.h: what the stand-in ends with. */
enum { EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_OS = 71 };

__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
__attribute__((format(printf, 2, 3), noreturn)) void
die(int code, const char *format, ...);

/* An allocation that cannot be had ends the program; a test tool has no
 * better answer.  x_grow doubles *capacity until it holds `wanted`. */
void *x_alloc(size_t size);
void *x_zalloc(size_t size);
char *x_strdup(const char *text);
void *x_grow(void *old, size_t *capacity, size_t wanted, size_t item_size);

#endif
