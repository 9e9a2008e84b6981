/*
 * A set of event ids: what need not be sent again.
 *
 * Ids are copied into one arena, so that a page of them costs two allocations
 * at most and none once the set is warm.  An id is 1 to 64 bytes.
 */
#ifndef TP_FETCH_ID_SET_H
#define TP_FETCH_ID_SET_H

#include <stddef.h>

struct id_set;

struct id_set *id_set_new(void);
void id_set_free(struct id_set *set);

/* Empties it and keeps its memory. */
void id_set_clear(struct id_set *set);
size_t id_set_count(const struct id_set *set);
int id_set_has(const struct id_set *set, const char *id, size_t len_bytes);

/* Whether `other` has every id of `set`. */
int id_set_is_within(const struct id_set *set, const struct id_set *other);

/* Adds `id` unless it is there. */
void id_set_add(struct id_set *set, const char *id, size_t len_bytes);

/* Calls `visit` with every id, in the order of their adding. */
void id_set_each(const struct id_set *set,
    void (*visit)(void *cookie, const char *id, size_t len_bytes),
    void *cookie);

#endif
