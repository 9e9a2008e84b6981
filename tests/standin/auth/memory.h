/* An allocation that cannot be had ends the program; a test tool has no better
   answer. */
#ifndef STANDIN_AUTH_MEMORY_H
#define STANDIN_AUTH_MEMORY_H

#include <stddef.h>

void *x_alloc(size_t size);
void *x_zalloc(size_t size);
char *x_strdup(const char *text);

/* Doubles *capacity until it holds `wanted`. */
void *x_grow(void *old, size_t *capacity, size_t wanted, size_t item_size);

#endif
