/*
 * Pages to lines.
 *
 * As soon as a page's key is known the next page is asked for; it travels
 * while this one is written.
 */
#include "tp-fetch/fetch.h"

#include <jansson.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "lib/stop.h"
#include "lib/uid.h"
#include "tp-fetch/audit_api.h"
#include "tp-fetch/emitter.h"
#include "tp-fetch/event_json.h"
#include "tp-fetch/search.h"
#include "tp-fetch/session.h"
#include "tp-fetch/stats.h"

struct fetch {
	const struct fetch_options *options;
	struct session *session;
	struct search *search;
	struct emitter *emitter;
	struct event_json *writer;
	struct buffer request;
	struct stats *stats;
	int has_dropped_key;
	struct timestamp dropped_at; /* where, the last time */
};

enum page_end { PAGE_DONE, PAGE_STOPPED, PAGE_READER_GONE, PAGE_ERROR };

static int
list_has(const char *const *list, struct audit_text word)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == word.len_bytes &&
		    memcmp(*list, word.text, word.len_bytes) == 0)
			return 1;
	return 0;
}

/* The server filters too, but not in every mode, and not all servers do. */
static int
is_wanted(const struct fetch_options *options, struct audit_text type)
{
	return (options->types == NULL || list_has(options->types, type)) &&
	       (options->skip_types == NULL ||
		   !list_has(options->skip_types, type));
}

/*
 * What an event is remembered by: the server's id, or, where that is missing
 * or odd, a hash of what is the same whenever it is served again.
 */
static struct audit_text
plain_id(struct audit_text id, const void *stable, size_t len_bytes,
    char hex[UID_MAX_BYTES + 1])
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	if (uid_is_plain(id.text, id.len_bytes))
		return id;
	SHA256(stable, len_bytes, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return (struct audit_text){ hex, UID_MAX_BYTES };
}

/* A line in place of an event that has no JSON form. */
static void
append_gap(struct buffer *line, const struct audit_event *event, const char *id,
    const char *reason)
{
	char when[TIMESTAMP_BYTES];
	json_t *type = json_stringn(event->type.text, event->type.len_bytes);
	json_t *gap = json_pack("{s:s,s:s,s:o*,s:s,s:s,s:s}", "code", "TPG00E",
	    "event", "tp-fetch.gap", "gap_event", type, "message", reason,
	    "time", timestamp_format(event->time, when), "uid", id);
	char *text = json_dumps(gap, JSON_COMPACT | JSON_SORT_KEYS);

	if (text == NULL)
		die(EXIT_OS, "out of memory");
	buffer_append_text(line, text);
	free(text);
	json_decref(gap);
}

/* Reports an event that cannot be read, in its place; `id` was taken. */
static enum emitter_status
send_gap(struct fetch *fetch, const struct audit_event *event,
    struct audit_text id, const char *reason)
{
	char text[UID_MAX_BYTES + 1];

	snprintf(text, sizeof(text), "%.*s", (int)id.len_bytes, id.text);
	message("event %s cannot be exported: %s; a gap line stands for it",
	    text, reason);
	append_gap(emitter_open_line(fetch->emitter), event, text, reason);
	fetch->stats->gaps++;
	return emitter_line(fetch->emitter, text, id.len_bytes, text,
	    id.len_bytes);
}

static int
take(struct fetch *fetch, struct audit_text id, const struct audit_event *event)
{
	return search_take(fetch->search, id.text, id.len_bytes, event->time);
}

/* The bytes of an item that are no event; it is where the one before it is. */
static enum emitter_status
send_unreadable(struct fetch *fetch, const struct audit_event *item)
{
	struct audit_event event = *item;
	char hex[UID_MAX_BYTES + 1];
	struct audit_text id =
	    plain_id(item->id, item->fields, item->fields_len_bytes, hex);

	event.time = search_position(fetch->search);
	return take(fetch, id, &event)
		   ? send_gap(fetch, &event, id, "it is not an event")
		   : EMITTER_OK;
}

static enum emitter_status
send_event(struct fetch *fetch, const struct audit_event *event)
{
	const int has_id = uid_is_plain(event->id.text, event->id.len_bytes);
	char hex[UID_MAX_BYTES + 1];
	struct event_json_found found;

	if (!is_wanted(fetch->options, event->type)) {
		fetch->stats->skipped++;
		return EMITTER_OK;
	}
	if (has_id && !take(fetch, event->id, event))
		return EMITTER_OK;
	struct buffer *line = emitter_open_line(fetch->emitter);
	const size_t start = line->len_bytes;
	enum event_json_status status = event_json_write(fetch->writer,
	    event->fields, event->fields_len_bytes, line, &found);
	/* Without an id: by what it says, or by its bytes if it says nothing.
	 */
	struct audit_text id = status == EVENT_JSON_OK
				   ? plain_id(event->id, line->data + start,
					 line->len_bytes - start, hex)
				   : plain_id(event->id, event->fields,
					 event->fields_len_bytes, hex);
	if (!has_id && !take(fetch, id, event)) {
		emitter_forget(fetch->emitter);
		return EMITTER_OK;
	}
	if (status != EVENT_JSON_OK)
		return send_gap(fetch, event, id, event_json_reason(status));
	return emitter_line(fetch->emitter,
	    line->data + start + found.uid_offset, found.uid_len_bytes, id.text,
	    id.len_bytes);
}

static enum page_end
page_end_of(enum emitter_status status)
{
	if (status == EMITTER_OK)
		return PAGE_DONE;
	if (status == EMITTER_ERROR)
		return PAGE_ERROR;
	message("standard output: nobody reads it any more");
	return PAGE_READER_GONE;
}

static void
move(void *cookie, const json_t *patch)
{
	struct fetch *fetch = cookie;

	emitter_move(fetch->emitter, patch);
}

static enum page_end
send_page(struct fetch *fetch, struct audit_page *page)
{
	struct audit_event event;
	enum emitter_status status = EMITTER_OK;
	int found;

	while (status == EMITTER_OK &&
	       (found = audit_page_next(page, &event)) != 0) {
		if (stop_taken())
			return PAGE_STOPPED;
		status = found == 1 ? send_event(fetch, &event)
				    : send_unreadable(fetch, &event);
	}
	if (status == EMITTER_OK) {
		search_finish_page(fetch->search, move, fetch);
		status = emitter_flush(fetch->emitter);
	}
	return page_end_of(status);
}

/* What is to be done next; a query is on its way when this is SEARCH_ASK. */
static enum search_need
ask(struct fetch *fetch)
{
	fetch->request.len_bytes = 0;
	enum search_need need =
	    search_query(fetch->search, timestamp_now(), &fetch->request);
	if (need == SEARCH_ASK)
		session_begin(fetch->session, AUDIT_API_SEARCH,
		    fetch->request.data, fetch->request.len_bytes);
	return need;
}

/*
 * Whether we are beyond where the last page key had to be dropped.  Where one
 * instant fills a page, each search from there leads to the same key.
 */
static int
has_got_on(const struct fetch *fetch)
{
	return !fetch->has_dropped_key ||
	       timestamp_compare(search_position(fetch->search),
		   fetch->dropped_at) > 0;
}

/* The server will not take the query as it is. */
static enum session_outcome
rejected(struct fetch *fetch, const struct rpc_reply *reply)
{
	char why[640];

	snprintf(why, sizeof(why), "%s: %s", rpc_status_name(reply->status),
	    reply->message);
	if (!search_drop_key(fetch->search, move, fetch) || !has_got_on(fetch))
		return session_complain(fetch->session, why);
	fetch->has_dropped_key = 1;
	fetch->dropped_at = search_position(fetch->search);
	message("%s; the page key is of no use any more: searching again from "
		"its last instant",
	    why);
	return SESSION_REPLY;
}

static void
note_page(struct fetch *fetch)
{
	struct stats *stats = fetch->stats;

	stats->pages++;
	stats->lines = emitter_lines(fetch->emitter);
	stats->last_event_time =
	    (uint64_t)search_position(fetch->search).seconds;
	stats_write_if_due(stats);
}

/* The reply to the query that is on its way, and what comes after it. */
static enum session_outcome
take_reply(struct fetch *fetch, enum search_need *need, enum page_end *end)
{
	struct rpc_reply reply;
	struct audit_page page;
	enum session_outcome outcome = session_collect(fetch->session, &reply);

	if (outcome == SESSION_REJECTED) {
		outcome = rejected(fetch, &reply);
		*need = ask(fetch);
	} else if (outcome != SESSION_REPLY) {
		return outcome;
	} else if (audit_page_open(reply.bytes, reply.len_bytes, &page) == -1 ||
		   search_turn(fetch->search, page.last_key) == -1) {
		outcome = session_complain(fetch->session,
		    "a reply is not a page of events");
		*need = ask(fetch);
	} else {
		*need = ask(fetch);
		*end = send_page(fetch, &page);
		note_page(fetch);
		if (*need != SEARCH_STUCK &&
		    (page.last_key.len_bytes == 0 || has_got_on(fetch)))
			session_content(fetch->session);
	}
	rpc_reply_free(&reply);
	return outcome;
}

static enum session_outcome
pause_before_asking(struct fetch *fetch, enum search_need need)
{
	char why[128];
	char at[TIMESTAMP_BYTES];

	if (need == SEARCH_IDLE)
		return session_wait(fetch->session, fetch->options->poll_ms);
	snprintf(why, sizeof(why),
	    "the server leads from a page back to the same page, after %s",
	    timestamp_format(search_position(fetch->search), at));
	return session_complain(fetch->session, why);
}

static int
exit_code(enum session_outcome outcome, enum page_end end)
{
	if (end == PAGE_ERROR || end == PAGE_READER_GONE)
		return EXIT_IO;
	return session_exit_code(outcome);
}

static int
loop(struct fetch *fetch)
{
	enum session_outcome outcome = SESSION_REPLY;
	enum page_end end = PAGE_DONE;
	enum search_need need = ask(fetch);

	while (need != SEARCH_DONE && outcome == SESSION_REPLY &&
	       end == PAGE_DONE) {
		if (need == SEARCH_ASK) {
			outcome = take_reply(fetch, &need, &end);
		} else {
			outcome = pause_before_asking(fetch, need);
			need = ask(fetch);
		}
	}
	int code = exit_code(outcome, end);
	/* Whatever ended the run, what was made ready is whole lines. */
	if (end != PAGE_ERROR && end != PAGE_READER_GONE &&
	    outcome != SESSION_READER_GONE) {
		end = page_end_of(emitter_finish(fetch->emitter));
		if (code == 0)
			code = exit_code(SESSION_REPLY, end);
	}
	return code;
}

int
fetch_run(const struct fetch_options *options, struct session *session,
    struct search *search, struct emitter *emitter, struct stats *stats)
{
	struct fetch fetch = { .options = options,
		.session = session,
		.search = search,
		.emitter = emitter,
		.writer = event_json_new(),
		.stats = stats };
	int code = loop(&fetch);

	event_json_free(fetch.writer);
	buffer_free(&fetch.request);
	return code;
}
