/*
 * Time, and waiting that ends at once when the program is told to stop.
 */
#ifndef STANDIN_HEC_PATIENCE_H
#define STANDIN_HEC_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* The monotonic clock, in milliseconds. */
int64_t clock_ms(void);

/* Waits; false when cut short by patience_end(). */
bool wait_ms(int64_t ms);

/* From now on every wait_ms() returns at once. */
void patience_end(void);
bool patience_is_over(void);

#endif
