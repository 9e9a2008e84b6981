/* Pending requests of one channel, oldest first, so sorted by id. */
#include "tp-hec/ack_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"

struct pending {
	int64_t id;
	int64_t since_ms;
	struct slice slice;
};

struct ack_table {
	int64_t timeout_ms;
	int64_t patience_ms; /* the timeout, or more after it has passed */
	struct pending *pending;
	size_t count;
	size_t capacity;
	int64_t last_id; /* -1: the channel has had none */
	int64_t used_ms;
	int64_t moved_ms; /* when an id last came or was confirmed */
	int64_t poll_ms;
	int64_t pause_ms;
	unsigned careful;        /* requests yet to be confirmed carefully */
	unsigned careful_length; /* of the next such stretch */
	unsigned good;           /* ids confirmed on shared channels since */
};

struct ack_table *
ack_table_new(int64_t timeout_ms)
{
	struct ack_table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		die(EXIT_OS, "out of memory");
	table->timeout_ms = table->patience_ms = timeout_ms;
	table->last_id = -1;
	table->careful_length = ACK_TABLE_FIRST_CAREFUL;
	return table;
}

void
ack_table_free(struct ack_table *table)
{
	if (table == NULL)
		return;
	free(table->pending);
	free(table);
}

static void
be_careful(struct ack_table *table)
{
	table->careful = table->careful_length;
	table->good = 0;
	if (table->careful_length < ACK_TABLE_MOST_CAREFUL)
		table->careful_length *= 2;
}

static void
make_room(struct ack_table *table)
{
	if (table->count < table->capacity)
		return;
	table->capacity = table->capacity ? table->capacity * 2 : 16;
	table->pending =
	    realloc(table->pending, table->capacity * sizeof(*table->pending));
	if (table->pending == NULL)
		die(EXIT_OS, "out of memory");
}

int
ack_table_add(struct ack_table *table, int64_t id, struct slice slice,
    int64_t now_ms)
{
	table->used_ms = table->moved_ms = now_ms;
	if (id <= table->last_id) {
		be_careful(table);
		return -1;
	}
	if (table->count == 0) {
		table->pause_ms = ACK_TABLE_FIRST_POLL_MS;
		table->poll_ms = now_ms + table->pause_ms;
	}
	make_room(table);
	table->pending[table->count++] = (struct pending){ id, now_ms, slice };
	table->last_id = id;
	return 0;
}

size_t
ack_table_count(const struct ack_table *table)
{
	return table->count;
}

static struct slice
remove_at(struct ack_table *table, size_t at)
{
	struct slice slice = table->pending[at].slice;

	table->count--;
	memmove(&table->pending[at], &table->pending[at + 1],
	    (table->count - at) * sizeof(*table->pending));
	return slice;
}

int
ack_table_confirm(struct ack_table *table, int64_t id, struct slice *slice,
    int64_t now_ms)
{
	size_t at = 0;

	while (at < table->count && table->pending[at].id != id)
		at++;
	if (at == table->count)
		return 0;
	if (now_ms - table->pending[at].since_ms <= table->timeout_ms / 2)
		table->patience_ms = table->timeout_ms;
	*slice = remove_at(table, at);
	table->moved_ms = now_ms;
	if (table->careful > 0)
		table->careful--;
	else if (++table->good >= table->careful_length)
		table->careful_length = ACK_TABLE_FIRST_CAREFUL;
	return 1;
}

int
ack_table_take(struct ack_table *table, struct slice *slice)
{
	if (table->count == 0)
		return 0;
	*slice = remove_at(table, table->count - 1);
	return 1;
}

void
ack_table_renew(struct ack_table *table)
{
	assert(table->count == 0);
	table->last_id = -1;
}

int
ack_table_may_send(const struct ack_table *table)
{
	return table->careful == 0 || table->count == 0;
}

int
ack_table_is_silent(const struct ack_table *table, int64_t now_ms)
{
	return table->count == 0 ||
	       now_ms - table->moved_ms >= ACK_TABLE_SILENCE_MS;
}

int
ack_table_is_stale(const struct ack_table *table, int64_t now_ms)
{
	return table->count == 0 && table->last_id >= 0 &&
	       (table->careful > 0 ||
		   now_ms - table->used_ms >= ACK_TABLE_IDLE_MS);
}

int64_t
ack_table_poll_ms(const struct ack_table *table)
{
	return table->count > 0 ? table->poll_ms : INT64_MAX;
}

size_t
ack_table_ids(const struct ack_table *table, int64_t *ids, size_t most)
{
	size_t count = table->count < most ? table->count : most;

	for (size_t i = 0; i < count; i++)
		ids[i] = table->pending[i].id;
	return count;
}

void
ack_table_polled(struct ack_table *table, size_t confirmed, int64_t now_ms)
{
	int64_t longest_ms = table->careful > 0 ? ACK_TABLE_CAREFUL_POLL_MS
						: ACK_TABLE_LONGEST_POLL_MS;

	table->used_ms = now_ms;
	table->pause_ms =
	    confirmed > 0 ? ACK_TABLE_FIRST_POLL_MS : table->pause_ms * 2;
	if (table->pause_ms > longest_ms)
		table->pause_ms = longest_ms;
	table->poll_ms = now_ms + table->pause_ms;
}

int64_t
ack_table_expiry_ms(const struct ack_table *table)
{
	return table->count > 0
		   ? table->pending[0].since_ms + table->patience_ms
		   : INT64_MAX;
}

void
ack_table_be_patient(struct ack_table *table)
{
	if (table->patience_ms < table->timeout_ms * ACK_TABLE_MOST_PATIENT)
		table->patience_ms *= 2;
}
