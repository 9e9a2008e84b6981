/* listing.h -- all events of a catalogue on stdout, for tests to compare with.
 */
#ifndef STANDIN_AUTH_LISTING_H
#define STANDIN_AUTH_LISTING_H

#include "catalogue.h"

/* One id a line, in the order in which they are served. */
void listing_uids(const struct catalogue *catalogue);
/* NDJSON by jansson, compact, keys sorted: an encoder that shares nothing with
 * the one on the wire.  Integers are plain, other numbers as printf has them.
 */
void listing_dump(const struct catalogue *catalogue);

#endif
