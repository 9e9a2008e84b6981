/*
 * Growable bytes.  Start from `= {0}`; running out of memory ends the program.
 */
#ifndef STANDIN_HEC_BYTES_H
#define STANDIN_HEC_BYTES_H

#include <stddef.h>

struct bytes {
	char *data; /* NULL while capacity is 0 */
	size_t len;
	size_t capacity;
};

/* Room for `more` bytes behind `len`; returns where they go. */
char *bytes_reserve(struct bytes *bytes, size_t more);
void bytes_append(struct bytes *bytes, const void *data, size_t len);
void bytes_print(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bytes_free(struct bytes *bytes); /* back to empty */

#endif
