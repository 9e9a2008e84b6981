/*
 * Where we are in the audit log.
 *
 * `here` is the position of the page in hand, whose events are being sent;
 * `next` the position that its key leads to.  They differ between
 * search_turn() and search_finish_page(), which is when the next page may
 * already be on its way.
 */
#include "tp-fetch/search.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "lib/uid.h"
#include "tp-fetch/id_set.h"

struct position {
	struct timestamp from; /* the window, bounds inclusive */
	struct timestamp to;
	struct buffer key; /* the page's key as a string; "": the first page */
};

struct search {
	struct search_options options;
	struct position here;
	struct position next;
	int has_turned;            /* `next` is not `here` */
	enum search_need pause;    /* SEARCH_ASK: none is due */
	struct timestamp asked_to; /* the end that the last query named */
	struct id_set *seen;       /* sent, as search.h says */
	struct id_set *spare;      /* for the next `seen` */
	struct id_set *tail;       /* those of the latest instant */
	struct timestamp tail_time;
	struct id_set *edge; /* those of the window's last second */
	/*
	 * Sent by an earlier run beyond where it turned a page, or at the edge
	 * of the window before.  Pages need not line up with these, so they are
	 * kept from page to page, until a page with events has none of them.
	 */
	struct id_set *restored;
	int has_taken;        /* any event of the page in hand */
	int has_met_restored; /* one of `restored` among them */
};

static void
position_set(struct position *position, struct timestamp from,
    struct timestamp to, const char *key, size_t key_len_bytes)
{
	position->from = from;
	position->to = to;
	position->key.len_bytes = 0;
	buffer_append(&position->key, key, key_len_bytes);
}

json_t *
search_first_state(struct timestamp start, int64_t window_ms)
{
	char from[TIMESTAMP_BYTES];
	char to[TIMESTAMP_BYTES];

	return json_pack("{s:s,s:s,s:s,s:s,s:{}}", "at",
	    timestamp_format(start, from), "from", from, "to",
	    timestamp_format(timestamp_add_ms(start, window_ms), to), "key", "",
	    "seen");
}

static int
read_time(const json_t *object, const char *name, struct timestamp *time)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text == NULL ? -1 : timestamp_parse(text, strlen(text), time);
}

/* Whether a server that compares whole seconds has it in the next window too.
 */
static int
is_at_edge(const struct search *search, struct timestamp time)
{
	return time.seconds >= search->here.to.seconds - 1;
}

static int
read_state(struct search *search, const json_t *state)
{
	const json_t *mine = json_object_get(state, "search");
	const char *key = json_string_value(json_object_get(mine, "key"));
	json_t *seen = json_object_get(mine, "seen");
	struct timestamp from;
	struct timestamp to;
	const char *id;
	json_t *value;

	/* A patch of null removes `seen`; an empty one means the same. */
	if (key == NULL || (seen != NULL && !json_is_object(seen)) ||
	    read_time(mine, "from", &from) == -1 ||
	    read_time(mine, "to", &to) == -1 ||
	    read_time(mine, "at", &search->tail_time) == -1)
		return -1;
	position_set(&search->here, from, to, key, strlen(key));
	json_object_foreach(seen, id, value)
	{
		if (!uid_is_plain(id, strlen(id)))
			return -1;
		id_set_add(search->seen, id, strlen(id));
		id_set_add(search->restored, id, strlen(id));
		id_set_add(search->tail, id, strlen(id));
		if (is_at_edge(search, search->tail_time))
			id_set_add(search->edge, id, strlen(id));
	}
	return 0;
}

struct search *
search_new(const struct search_options *options, const json_t *state)
{
	struct search *search = calloc(1, sizeof(*search));

	if (search == NULL)
		die(EXIT_OS, "out of memory");
	search->options = *options;
	search->seen = id_set_new();
	search->spare = id_set_new();
	search->tail = id_set_new();
	search->edge = id_set_new();
	search->restored = id_set_new();
	if (read_state(search, state) == -1) {
		search_free(search);
		return NULL;
	}
	return search;
}

void
search_free(struct search *search)
{
	if (search == NULL)
		return;
	buffer_free(&search->here.key);
	buffer_free(&search->next.key);
	id_set_free(search->seen);
	id_set_free(search->spare);
	id_set_free(search->tail);
	id_set_free(search->edge);
	id_set_free(search->restored);
	free(search);
}

static struct position *
current(struct search *search)
{
	return search->has_turned ? &search->next : &search->here;
}

enum search_need
search_query(struct search *search, struct timestamp now,
    struct buffer *request)
{
	struct position *position = current(search);
	const struct timestamp until = search->options.until;
	const int is_bounded = search->options.is_bounded;
	/* A window that has not passed is not closed, whatever `until` says. */
	struct timestamp horizon =
	    is_bounded && timestamp_compare(until, now) < 0 ? until : now;
	enum search_need pause = search->pause;

	if (timestamp_compare(position->from, horizon) > 0)
		pause = SEARCH_IDLE;
	search->pause = SEARCH_ASK;
	if (pause == SEARCH_IDLE && is_bounded &&
	    (timestamp_compare(position->from, until) > 0 ||
		timestamp_compare(search->asked_to, until) >= 0))
		return SEARCH_DONE;
	if (pause != SEARCH_ASK)
		return pause;
	search->asked_to = timestamp_compare(position->to, horizon) < 0
			       ? position->to
			       : horizon;
	audit_query_encode(&(struct audit_query){ .from = position->from,
			       .to = search->asked_to,
			       .types = search->options.types,
			       .limit = search->options.limit,
			       .key = buffer_text(&position->key) },
	    request);
	return SEARCH_ASK;
}

/* Whether `key` can be kept in the state and asked for again. */
static int
is_text(struct audit_text key)
{
	json_t *text = json_stringn(key.text, key.len_bytes);
	const int is_text =
	    text != NULL && memchr(key.text, '\0', key.len_bytes) == NULL;

	json_decref(text);
	return is_text;
}

int
search_turn(struct search *search, struct audit_text key)
{
	const struct position *here = &search->here;

	if (key.len_bytes == 0) {
		if (timestamp_compare(search->asked_to, here->to) != 0) {
			search->pause = SEARCH_IDLE;
			return 0;
		}
		position_set(&search->next, here->to,
		    timestamp_add_ms(here->to, search->options.window_ms), "",
		    0);
	} else if (!is_text(key)) {
		return -1;
	} else if (here->key.len_bytes == key.len_bytes &&
		   memcmp(here->key.data, key.text, key.len_bytes) == 0) {
		search->pause = SEARCH_STUCK;
		return 0;
	} else {
		position_set(&search->next, here->from, here->to, key.text,
		    key.len_bytes);
	}
	search->has_turned = 1;
	return 0;
}

int
search_take(struct search *search, const char *id, size_t id_len_bytes,
    struct timestamp time)
{
	const int order = timestamp_compare(time, search->tail_time);
	const int is_new = !id_set_has(search->seen, id, id_len_bytes);

	search->has_taken = 1;
	if (is_new)
		id_set_add(search->seen, id, id_len_bytes);
	else if (id_set_has(search->restored, id, id_len_bytes))
		search->has_met_restored = 1;
	/* What was sent before a crash counts for the tail all the same. */
	if (order > 0) {
		id_set_clear(search->tail);
		search->tail_time = time;
	}
	if (order >= 0)
		id_set_add(search->tail, id, id_len_bytes);
	if (is_at_edge(search, time))
		id_set_add(search->edge, id, id_len_bytes);
	return is_new;
}

struct addition {
	json_t *ids;
	const struct id_set *known; /* left out; NULL: none */
};

static void
add_unless_known(void *cookie, const char *id, size_t id_len_bytes)
{
	struct addition *addition = cookie;
	char text[UID_MAX_BYTES + 1];

	if (addition->known != NULL &&
	    id_set_has(addition->known, id, id_len_bytes))
		return;
	memcpy(text, id, id_len_bytes);
	text[id_len_bytes] = '\0';
	json_object_set_new(addition->ids, text, json_integer(1));
}

static void
add_to_set(void *set, const char *id, size_t id_len_bytes)
{
	id_set_add(set, id, id_len_bytes);
}

static void
record(json_t *mine, void (*move)(void *, const json_t *), void *cookie)
{
	json_t *patch = json_pack("{s:o}", "search", mine);

	if (patch == NULL)
		die(EXIT_OS, "out of memory");
	move(cookie, patch);
	json_decref(patch);
}

/*
 * Where we are now, and what of it was sent; `before` is what the state says
 * of that.  Mostly little of it still counts: it is taken away, and what does
 * count is a patch of its own, for a merge patch cannot replace an object by
 * another.  Where all of it counts (many events of one instant) what is new is
 * added, or the journal would grow with the square of their number.  A crash
 * or a full disk may leave the first patch alone: that repeats an instant, and
 * not the page left behind.
 */
static void
record_move(struct search *search, const struct id_set *before,
    void (*move)(void *, const json_t *), void *cookie)
{
	const int is_kept = id_set_is_within(before, search->seen);
	struct position *here = &search->here;
	struct addition addition = { json_object(), is_kept ? before : NULL };
	char from[TIMESTAMP_BYTES];
	char to[TIMESTAMP_BYTES];
	char at[TIMESTAMP_BYTES];
	json_t *mine = json_pack("{s:s,s:s,s:s,s:s}", "at",
	    timestamp_format(search->tail_time, at), "from",
	    timestamp_format(here->from, from), "to",
	    timestamp_format(here->to, to), "key", buffer_text(&here->key));

	if (!is_kept)
		json_object_set_new(mine, "seen", json_null());
	record(mine, move, cookie);
	id_set_each(search->seen, add_unless_known, &addition);
	if (json_object_size(addition.ids) > 0)
		record(json_pack("{s:o}", "seen", addition.ids), move, cookie);
	else
		json_decref(addition.ids);
}

void
search_finish_page(struct search *search, void (*move)(void *, const json_t *),
    void *cookie)
{
	const struct position *next = &search->next;
	struct id_set *before;

	if (!search->has_turned)
		return;
	const int is_same_window =
	    timestamp_compare(search->here.to, next->to) == 0;
	position_set(&search->here, next->from, next->to, next->key.data,
	    next->key.len_bytes);
	search->has_turned = 0;
	before = search->seen;
	search->seen = search->spare;
	search->spare = before;
	id_set_clear(search->seen);
	id_set_each(search->tail, add_to_set, search->seen);
	if (search->has_taken && !search->has_met_restored)
		id_set_clear(search->restored);
	id_set_each(search->restored, add_to_set, search->seen);
	search->has_taken = 0;
	search->has_met_restored = 0;
	if (!is_same_window) {
		id_set_each(search->edge, add_to_set, search->seen);
		id_set_each(search->edge, add_to_set, search->restored);
		id_set_clear(search->edge);
	}
	record_move(search, before, move, cookie);
}

int
search_drop_key(struct search *search, void (*move)(void *, const json_t *),
    void *cookie)
{
	struct position *here = &search->here;

	if (here->key.len_bytes == 0)
		return 0;
	if (timestamp_compare(search->tail_time, here->from) > 0)
		here->from = search->tail_time;
	here->key.len_bytes = 0;
	record_move(search, search->seen, move, cookie);
	return 1;
}

struct timestamp
search_position(const struct search *search)
{
	return search->tail_time;
}
