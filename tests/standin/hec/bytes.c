/*
 * Growable bytes.
 */
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../say.h"

char *
bytes_reserve(struct bytes *bytes, size_t more)
{
	size_t wanted = bytes->len + more;
	size_t capacity = bytes->capacity ? bytes->capacity : 4096;

	if (wanted > bytes->capacity) {
		while (capacity < wanted)
			capacity *= 2;
		char *data = realloc(bytes->data, capacity);
		if (data == NULL)
			die(EX_OSERR, "memory: %zu bytes refused", capacity);
		bytes->data = data;
		bytes->capacity = capacity;
	}
	return bytes->data + bytes->len;
}

void
bytes_append(struct bytes *bytes, const void *data, size_t len)
{
	if (len > 0)
		memcpy(bytes_reserve(bytes, len), data, len);
	bytes->len += len;
}

void
bytes_print(struct bytes *bytes, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0)
		return;
	va_start(arguments, format);
	vsnprintf(bytes_reserve(bytes, (size_t)len + 1), (size_t)len + 1,
	    format, arguments);
	va_end(arguments);
	bytes->len += (size_t)len;
}

void
bytes_free(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){ 0 };
}
