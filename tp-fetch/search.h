/*
 * Where we are in the audit log, by paged search.  Pure: no network, no
 * clock, no output; replies and times in, queries and changes of state out.
 *
 * The log is read in windows of time, each in pages.  A page key is opaque,
 * belongs to the window that it came from and is used in no other.  An empty
 * key means "nothing more for now", never "a short page".
 *
 * What was sent is remembered by event id for the page in hand, for the last
 * instant of the page before it, and for the last second of the window before
 * it (a server may begin a page with events of the last page's last instant
 * again; one that compares whole seconds repeats a second of the window).  So
 * a page can be asked for twice, by a poll at the end of the log or after a
 * crash, and only what is new in it is sent.
 *
 * Calling sequence:
 *
 *     search_query()                 what to ask; send it
 *     search_turn()                  the reply's key is known
 *     search_query()                 may be asked for already (prefetch)
 *     for each event of the page:    search_take()
 *     search_finish_page()           the changes of state to record
 */
#ifndef TP_FETCH_SEARCH_H
#define TP_FETCH_SEARCH_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/timestamp.h"
#include "tp-fetch/audit_api.h"

struct search;

struct search_options {
	int64_t window_ms;
	int32_t limit;            /* events a page */
	const char *const *types; /* NULL-terminated; NULL: all */
	int is_bounded;           /* ends at `until`; else follows the clock */
	struct timestamp until;   /* may be to come: SEARCH_IDLE until then */
};

enum search_need {
	SEARCH_ASK,   /* a query to send */
	SEARCH_IDLE,  /* everything up to now was read: wait, then ask again */
	SEARCH_STUCK, /* the server answered with the key it was asked for:
			 nothing says that this is the end; wait, ask again */
	SEARCH_DONE   /* everything up to `until` was read */
};

/* The `search` member of a first run's state.  Returns a new reference. */
json_t *search_first_state(struct timestamp start, int64_t window_ms);

/*
 * `state` is the whole state document.  NULL when its `search` member is not
 * what search_first_state() and the patches here make.
 */
struct search *
search_new(const struct search_options *options, const json_t *state);
void search_free(struct search *search);

/*
 * What to ask at `now`.  With SEARCH_ASK the query is appended, encoded, to
 * `request`.  After SEARCH_IDLE the next call asks again.
 */
enum search_need search_query(struct search *search, struct timestamp now,
    struct buffer *request);

/*
 * The reply to the last query has this key; it moves us on.  -1 when it is no
 * text that could be kept (not UTF-8, a NUL in it): the reply is not to be
 * used.
 */
int search_turn(struct search *search, struct audit_text last_key);

/*
 * Takes an event of the page in hand: 1 when it has not been sent yet, and is
 * now to be; 0 when it has.  `time` is its own.
 */
int search_take(struct search *search, const char *id, size_t id_len_bytes,
    struct timestamp time);

/*
 * The page in hand is done.  Calls `move` with each merge patch to record, if
 * we have moved on.
 */
void search_finish_page(struct search *search,
    void (*move)(void *cookie, const json_t *patch), void *cookie);

/*
 * The server will not take the query's page key (it has been upgraded, its
 * storage was changed): begin again, without a key, at the last instant
 * known.  0 when the query had no key, so that this cannot help.
 */
int search_drop_key(struct search *search,
    void (*move)(void *cookie, const json_t *patch), void *cookie);

/* The latest instant sent: for people. */
struct timestamp search_position(const struct search *search);

#endif
