/*
 * A state and the records folded over it.  Pure: JSON in, JSON out.
 *
 * Two kinds of record change a state: a mark sets one member of the object at
 * the mark path to 1, and is fast; a patch is an RFC 7396 merge patch.
 */
#ifndef TP_CURSOR_FOLD_H
#define TP_CURSOR_FOLD_H

#include <jansson.h>
#include <stddef.h>

struct fold;

/*
 * Starts from `state`, an object that is changed in place; `mark_path` is an
 * array of member names.  References to both are taken.
 */
struct fold *fold_new(json_t *state, json_t *mark_path);
void fold_free(struct fold *fold);

/* Borrowed; changes with the next record. */
json_t *fold_state(const struct fold *fold);

/* What is not an object on the mark path becomes one, as in a patch. */
void fold_mark(struct fold *fold, const char *uid, size_t len_bytes);

/* -1, with nothing changed: `text` is not a JSON object. */
int fold_patch(struct fold *fold, const char *text, size_t len_bytes);

/*
 * RFC 7396's MergePatch: `target` (may be NULL: undefined; its reference is
 * taken) after `patch` (borrowed).  Returns a new reference.
 */
json_t *fold_merge(json_t *target, json_t *patch);

#endif
