/* Memory or the end. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "../say.h"

void *
x_alloc(size_t size)
{
	void *memory = malloc(size ? size : 1);

	if (!memory)
		die(EXIT_OS, "out of memory (%zu bytes)", size);
	return memory;
}

void *
x_zalloc(size_t size)
{
	return memset(x_alloc(size), 0, size);
}

char *
x_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(x_alloc(size), text, size);
}

void *
x_grow(void *old, size_t *capacity, size_t wanted, size_t item_size)
{
	size_t count = *capacity ? *capacity : 16;
	void *memory;

	if (wanted <= *capacity)
		return old;
	while (count < wanted)
		count *= 2;
	memory = realloc(old, count * item_size);
	if (!memory)
		die(EXIT_OS, "out of memory (%zu bytes)", count * item_size);
	*capacity = count;
	return memory;
}
