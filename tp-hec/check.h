/*
 * `--check`: would the receivers take our events?  Asked with an empty body,
 * to which HEC answers "No data" when everything else is right.
 */
#ifndef TP_HEC_CHECK_H
#define TP_HEC_CHECK_H

#include <stddef.h>

struct request_setup;

/*
 * Asks every receiver, prints one line each, and returns an exit code.
 * Blocks.
 */
int check_receivers(const struct request_setup *setup, const char *const *urls,
    size_t count);

#endif
