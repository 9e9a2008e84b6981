/* file_events.h -- events read from NDJSON files, held in memory, in order. */
#ifndef STANDIN_AUTH_FILE_EVENTS_H
#define STANDIN_AUTH_FILE_EVENTS_H

#include "event.h"

struct file_events;

/* `start_ns` is the time of events that have none and follow none. */
struct file_events *file_events_new(int64_t start_ns);
void file_events_free(struct file_events *events);

/* Adds every line of an NDJSON file; -1, after saying why, if the file cannot
 * be read or a line is not a JSON object. */
int file_events_read(struct file_events *events, const char *path);
/* Adds one made-up event whose JSON is about `size` bytes. */
void file_events_add_big(struct file_events *events, size_t size);
/* To be called after the last addition and before the source is used. */
void file_events_sort(struct file_events *events);

struct source file_events_source(struct file_events *events);

#endif
