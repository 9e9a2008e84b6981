/*
 * A double as JSON: the shortest decimal that reads back as the same double,
 * in fixed notation when it is 0 or 1e-6 <= |x| < 1e21, else with an exponent
 * as `1e+21`, `1e-7`.  Integers have no point; -0 is "-0".  Pure.
 */
#ifndef TP_FETCH_NUMBER_JSON_H
#define TP_FETCH_NUMBER_JSON_H

#include <stddef.h>

enum { NUMBER_JSON_BYTES = 32 };

/* `number` is finite.  Writes no NUL; returns the length. */
size_t number_json(double number, char text[NUMBER_JSON_BYTES]);

#endif
