/* Growable bytes. */
#include "lib/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

enum { FIRST_CAPACITY = 256 };

char *
buffer_reserve(struct buffer *buffer, size_t more_bytes)
{
	size_t capacity = buffer->capacity_bytes;

	if (more_bytes > capacity - buffer->len_bytes) {
		if (capacity == 0)
			capacity = FIRST_CAPACITY;
		while (capacity - buffer->len_bytes < more_bytes)
			if (__builtin_mul_overflow(capacity, 2, &capacity))
				die(EXIT_OS, "out of memory");
		char *data = realloc(buffer->data, capacity);
		if (data == NULL)
			die(EXIT_OS, "out of memory: %zu bytes", capacity);
		buffer->data = data;
		buffer->capacity_bytes = capacity;
	}
	return buffer->data + buffer->len_bytes;
}

void
buffer_append(struct buffer *buffer, const void *bytes, size_t len_bytes)
{
	if (len_bytes == 0)
		return;
	memcpy(buffer_reserve(buffer, len_bytes), bytes, len_bytes);
	buffer->len_bytes += len_bytes;
}

void
buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void
buffer_append_byte(struct buffer *buffer, char byte)
{
	*buffer_reserve(buffer, 1) = byte;
	buffer->len_bytes++;
}

void
buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_list again;

	va_start(arguments, format);
	va_copy(again, arguments);
	int n = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (n > 0) {
		size_t len_bytes = (size_t)n;
		char *end = buffer_reserve(buffer, len_bytes + 1);
		vsnprintf(end, len_bytes + 1, format, again);
		buffer->len_bytes += len_bytes;
	}
	va_end(again);
}

void
buffer_consume(struct buffer *buffer, size_t len_bytes)
{
	buffer->len_bytes -= len_bytes;
	if (buffer->len_bytes > 0)
		memmove(buffer->data, buffer->data + len_bytes,
		    buffer->len_bytes);
}

char *
buffer_text(struct buffer *buffer)
{
	*buffer_reserve(buffer, 1) = '\0';
	return buffer->data;
}

void
buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){ 0 };
}
