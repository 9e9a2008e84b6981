/* From input lines to batches. */
#include "tp-hec/intake.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "tp-hec/aside.h"
#include "tp-hec/dead_letter.h"
#include "tp-hec/input.h"
#include "tp-hec/scan.h"
#include "tp-hec/stats.h"
#include "tp-hec/tag.h"
#include "tp-hec/truncate.h"

_Static_assert((int)INPUT_PADDING >= (int)SCAN_PADDING, "lines are scanned");
_Static_assert((int)BATCH_PADDING >= (int)SCAN_PADDING, "bodies are scanned");

/* What a dead-letter record has around an event. */
enum { RECORD_SLACK_BYTES = 8 * 1024 };

struct intake {
	const struct intake_setup *setup;
	struct input *input;
	struct scan_names names;
	struct envelope *envelope;
	struct batch *batch; /* being filled; NULL: none */
	int64_t lines;
	struct tag tag; /* of the line before; run "": it had none */
	int is_tag_known;
	struct buffer record;
	struct buffer cut;
	int is_closed;    /* no further line is taken */
	int is_broken;    /* nor is one that was read already */
	int is_drained;   /* no whole line is left in the buffer */
	int is_last_left; /* the unterminated line, as we are closed */
};

/* A line on its way into a batch. */
struct event {
	const char *text;
	size_t len_bytes;
	uint64_t true_bytes; /* more: only the beginning is here */
	int64_t number;
};

/* How much of a line is held at most; the rest is counted and dropped. */
static size_t
line_bound(const struct intake_setup *setup)
{
	size_t bound = setup->most_event_bytes + TAG_MAX_BYTES;

	if (setup->oversize == OVERSIZE_TRUNCATE)
		bound *= 2; /* an event must be seen whole to be cut well */
	if (setup->is_replay)
		bound = 6 * bound + RECORD_SLACK_BYTES; /* all of it \u0001 */
	return bound;
}

struct intake *
intake_new(const struct intake_setup *setup)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	const char *reason;

	if (intake == NULL)
		die(EXIT_OS, "out of memory");
	intake->setup = setup;
	intake->is_drained = 1;
	intake->input = input_new(setup->fd, line_bound(setup));
	intake->envelope =
	    envelope_new(&setup->envelope, &intake->names, &reason);
	if (intake->envelope == NULL)
		die(EXIT_USAGE, "%s", reason);
	return intake;
}

void
intake_free(struct intake *intake)
{
	if (intake == NULL)
		return;
	input_free(intake->input);
	envelope_free(intake->envelope);
	buffer_free(&intake->record);
	buffer_free(&intake->cut);
	free(intake);
}

int
intake_is_hungry(const struct intake *intake)
{
	return intake->is_drained && !intake->is_closed &&
	       !input_is_ended(intake->input) &&
	       batch_pool_has_room(intake->setup->pool);
}

void
intake_read(struct intake *intake)
{
	if (input_read(intake->input) == -1 && errno != EAGAIN) {
		aside_refuse(intake->setup->aside, EXIT_IO, intake->lines + 1,
		    "standard input: %s", strerror(errno));
		intake_close(intake);
	}
}

void
intake_close(struct intake *intake)
{
	intake->is_closed = 1;
}

int
intake_is_at_end(const struct intake *intake)
{
	return intake->is_drained && input_is_ended(intake->input);
}

int
intake_has_rest(const struct intake *intake)
{
	return intake->is_last_left || input_has_rest(intake->input);
}

int64_t
intake_lines(const struct intake *intake)
{
	return intake->lines;
}

/*
 * When the batch that is being filled is due.  Without room it can neither grow
 * nor overtake the batches that wait before it: one that took the last place
 * would go off with a single line, and so would all after it.
 */
static int64_t
batch_due_ms(const struct intake *intake)
{
	return intake->batch && batch_pool_has_room(intake->setup->pool)
		   ? intake->batch->opened_ms + intake->setup->batch_age_ms
		   : INT64_MAX;
}

int64_t
intake_due_ms(const struct intake *intake)
{
	if (!intake->is_drained && !intake->is_broken &&
	    batch_pool_has_room(intake->setup->pool))
		return 0;
	return batch_due_ms(intake);
}

static void
submit(struct intake *intake)
{
	struct batch *batch = intake->batch;

	intake->batch = NULL;
	intake->setup->submit(intake->setup->cookie, batch);
}

/* --- one line ------------------------------------------------------------- */

/*
 * Lines are dropped by a filter, or not: a run is tagged whole, and its
 * numbers never go down.  Otherwise an acknowledgement would cover lines that
 * are still to come.
 */
static int
take_tag(struct intake *intake, const struct input_line *line,
    struct event *event)
{
	struct tag tag = { 0 };
	size_t tag_bytes = tag_strip(line->text, line->len_bytes, &tag);

	event->text += tag_bytes;
	event->len_bytes -= tag_bytes;
	event->true_bytes -= tag_bytes;
	if (tag_bytes > 0)
		event->number = tag.number;
	if (!intake->is_tag_known || (strcmp(tag.run, intake->tag.run) == 0 &&
					 tag.number >= intake->tag.number)) {
		intake->is_tag_known = 1;
		intake->tag = tag;
		return 0;
	}
	aside_refuse(intake->setup->aside, EXIT_DATA, intake->lines,
	    "line %" PRId64 ": tag \"%s/%" PRId64 "\" after \"%s/%" PRId64
	    "\": a filter may drop tagged lines, but neither mix nor move them",
	    intake->lines, tag.run, tag.number, intake->tag.run,
	    intake->tag.number);
	return -1;
}

/* Sets the line aside; -1: the program has to stop before it. */
static int
refuse(struct intake *intake, const struct event *event, const char *reason)
{
	size_t most_bytes = intake->setup->most_event_bytes;
	struct aside_event aside = { .line = intake->lines,
		.text = event->text,
		.len_bytes = event->len_bytes < most_bytes ? event->len_bytes
							   : most_bytes,
		.true_bytes = event->true_bytes,
		.uid = "" };

	return aside_put(intake->setup->aside, &aside, reason, -1, -1);
}

static int
refuse_oversize(struct intake *intake, const struct event *event)
{
	if (intake->setup->oversize != OVERSIZE_STOP)
		return refuse(intake, event, "too large");
	aside_refuse(intake->setup->aside, EXIT_DATA, intake->lines,
	    "line %" PRId64 ": too large (%" PRIu64
	    " bytes; see --max-event-bytes and --oversize)",
	    intake->lines, event->true_bytes);
	return -1;
}

/* A well-formed event that is too large, cut to one that is not. */
static int
cut_event(struct intake *intake, struct event *event)
{
	struct scan_names none = { 0 };
	struct scan_result result;

	if (intake->setup->oversize != OVERSIZE_TRUNCATE ||
	    event->true_bytes > event->len_bytes ||
	    scan_object(event->text, event->len_bytes, &none, &result) !=
		SCAN_OK)
		return -1;
	intake->cut.len_bytes = 0;
	truncate_event(event->text, event->len_bytes,
	    intake->setup->most_event_bytes, &intake->cut);
	buffer_reserve(&intake->cut, SCAN_PADDING);
	event->text = intake->cut.data;
	event->len_bytes = intake->cut.len_bytes;
	event->true_bytes = event->len_bytes;
	return 0;
}

/* The event out of a dead-letter record. */
static int
unwrap_record(struct intake *intake, struct event *event)
{
	struct scan_slice inner;

	if (event->true_bytes > event->len_bytes ||
	    dead_letter_event(event->text, event->len_bytes, &intake->record,
		&inner) == -1)
		return refuse(intake, event, "not a dead-letter record") ? -1
									 : 1;
	event->text = inner.text;
	event->len_bytes = inner.len_bytes;
	event->true_bytes = inner.len_bytes;
	return 0;
}

/* The bytes of an event that may be sent, into the batch. */
static int
add_event(struct intake *intake, struct batch *batch, const struct event *event)
{
	struct scan_result result;
	struct buffer *body = &batch->body;
	enum scan_status status;

	if (intake->setup->is_raw) {
		size_t start = body->len_bytes;
		char *to = buffer_reserve(body, event->len_bytes + 1);
		memcpy(to, event->text, event->len_bytes);
		to[event->len_bytes] = '\n';
		body->len_bytes += event->len_bytes + 1;
		batch_end_line(batch, event->number, start, event->len_bytes);
		return 0;
	}
	status =
	    scan_object(event->text, event->len_bytes, &intake->names, &result);
	if (status != SCAN_OK) {
		if (refuse(intake, event, scan_reason(status)) == -1)
			return -1;
		batch_end_line(batch, event->number, body->len_bytes, 0);
		return 0;
	}
	envelope_append(intake->envelope, event->text, event->len_bytes,
	    &result, body);
	buffer_append_byte(body, '\n');
	batch_end_line(batch, event->number,
	    body->len_bytes - event->len_bytes - 2, event->len_bytes);
	return 0;
}

static int
is_blank(const struct event *event)
{
	for (size_t i = 0; i < event->len_bytes; i++)
		if (event->text[i] != ' ' && event->text[i] != '\t' &&
		    event->text[i] != '\r')
			return 0;
	return 1;
}

/*
 * What the line carries.  0: *event; 1: nothing to send; -1: the program has to
 * stop before it.
 */
static int
unpack_line(struct intake *intake, const struct input_line *line,
    struct event *event)
{
	*event = (struct event){ line->text, line->len_bytes, line->true_bytes,
		intake->lines };
	if (is_blank(event)) {
		if (intake->tag.run[0] != '\0')
			event->number = intake->tag.number;
		return 1;
	}
	return intake->setup->is_replay ? unwrap_record(intake, event)
					: take_tag(intake, line, event);
}

/*
 * An event whose writer was killed in the middle of it.  It is no line: were it
 * set aside, the acknowledgement would cover an event that is nowhere.
 */
static int
is_cut_off(const struct input_line *line)
{
	struct scan_names none = { 0 };
	struct scan_result result;

	return line->is_unterminated && line->text[0] == '{' &&
	       scan_object(line->text, line->len_bytes, &none, &result) !=
		   SCAN_OK;
}

/* 0: the line is in the batch; -1: the program has to stop before it. */
static int
add_line(struct intake *intake, struct batch *batch,
    const struct input_line *line)
{
	if (is_cut_off(line)) {
		aside_refuse(intake->setup->aside, EXIT_DATA, intake->lines,
		    "line %" PRId64 ": the input ends in the middle of it",
		    intake->lines);
		return -1;
	}
	struct event parts;
	struct event *event = &parts;
	int outcome = unpack_line(intake, line, event);

	if (outcome == 0 &&
	    event->true_bytes > intake->setup->most_event_bytes &&
	    cut_event(intake, event) == -1)
		outcome = refuse_oversize(intake, event) ? -1 : 1;
	if (outcome == 0)
		return add_event(intake, batch, event);
	if (outcome == 1) /* a line without an event */
		batch_end_line(batch, event->number, batch->body.len_bytes, 0);
	return outcome == -1 ? -1 : 0;
}

/* --- lines to batches ----------------------------------------------------- */

/* A line too many makes the beginning of the next batch. */
static void
close_full_batch(struct intake *intake, int64_t now_ms)
{
	struct batch *batch = intake->batch;

	if (batch_is_over(batch) && batch->count > 1) {
		struct batch *next = batch_take(intake->setup->pool, 0);
		if (next != NULL) {
			batch_move_last(batch, next);
			next->opened_ms = now_ms;
			submit(intake);
			intake->batch = next;
			batch = next;
		}
	}
	if (batch_is_full(batch))
		submit(intake);
}

/* The line stays unread: all that follows it does, too. */
static void
break_off(struct intake *intake)
{
	intake->lines--;
	intake->is_closed = intake->is_broken = 1;
	if (intake->batch != NULL && intake->batch->count == 0) {
		batch_release(intake->batch);
		intake->batch = NULL;
	}
}

static void
take_line(struct intake *intake, const struct input_line *line, int64_t now_ms)
{
	intake->lines++;
	if (intake->batch == NULL) {
		intake->batch = batch_take(intake->setup->pool, intake->lines);
		intake->batch->opened_ms = now_ms;
	}
	if (line->is_unterminated && !is_cut_off(line))
		message("line %" PRId64 ": the last line has no newline; taken "
			"as it is",
		    intake->lines);
	if (add_line(intake, intake->batch, line) == -1) {
		break_off(intake);
		return;
	}
	intake->setup->stats->events_read += line->len_bytes > 0;
	intake->setup->stats->bytes_read += line->true_bytes + 1;
	close_full_batch(intake, now_ms);
}

/* Whether all that will ever be taken has been. */
static int
is_exhausted(const struct intake *intake)
{
	return intake->is_broken ||
	       (intake->is_drained &&
		   (intake->is_closed || input_is_ended(intake->input)));
}

void
intake_turn(struct intake *intake, int64_t now_ms)
{
	struct input_line line;

	intake->is_drained = 0;
	while (!intake->is_broken && batch_pool_has_room(intake->setup->pool)) {
		intake->is_drained = !input_next(intake->input, &line);
		if (intake->is_drained)
			break;
		if (intake->is_closed && line.is_unterminated)
			intake->is_last_left = 1;
		else
			take_line(intake, &line, now_ms);
	}
	if (intake->batch != NULL &&
	    (is_exhausted(intake) || now_ms >= batch_due_ms(intake)))
		submit(intake);
}

int
intake_is_done(const struct intake *intake)
{
	return intake->batch == NULL && is_exhausted(intake);
}
