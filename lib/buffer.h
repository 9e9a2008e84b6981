/*
 * Growable bytes.  A zeroed struct is a valid empty buffer.
 *
 * Invariants: len_bytes <= capacity_bytes; data is NULL only while
 * capacity_bytes is 0.  Growing doubles, so appending is amortised constant.
 * Out of memory ends the program with EXIT_OS: no caller could go on.
 */
#ifndef LIB_BUFFER_H
#define LIB_BUFFER_H

#include <stddef.h>

struct buffer {
	char *data;
	size_t len_bytes;
	size_t capacity_bytes;
};

/* Makes room for `more_bytes` beyond len_bytes; returns where they go. */
char *buffer_reserve(struct buffer *buffer, size_t more_bytes);

void buffer_append(struct buffer *buffer, const void *bytes, size_t len_bytes);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_byte(struct buffer *buffer, char byte);
void buffer_printf(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops the first `len_bytes` bytes. */
void buffer_consume(struct buffer *buffer, size_t len_bytes);

/* The contents as a string; the terminating NUL is not counted. */
char *buffer_text(struct buffer *buffer);

/* Releases the memory; the buffer is empty and usable again. */
void buffer_free(struct buffer *buffer);

#endif
