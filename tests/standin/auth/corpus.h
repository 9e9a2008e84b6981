/* corpus.h -- realistic audit events, made up from a seed. */
#ifndef STANDIN_AUTH_CORPUS_H
#define STANDIN_AUTH_CORPUS_H

#include "random.h"

#include <jansson.h>

/* One event of about 1 KB: 25 top-level members, nesting, nulls, escapes,
 * non-ASCII text, a fraction in one of four.  `uid`, `time` and `ei` are the
 * caller's to set.  The caller owns the reference. */
json_t *corpus_event(struct random *random, const char *cluster);

#endif
