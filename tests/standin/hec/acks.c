/*
 * Indexer acknowledgement.
 */
#include "acks.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "../say.h"
#include "patience.h"

struct entry {
	struct batch batch; /* empty once it is in the store */
	size_t count;       /* of events */
	int64_t due_ms;
	bool is_indexed;
	bool is_used; /* its `true` was said */
};

struct channel {
	char guid[CHANNEL_LEN + 1];
	struct bytes
	    entries;    /* an array of struct entry; its place is its id */
	size_t pending; /* entries that are not used */
	size_t first_unindexed;
	int64_t used_ms;
	struct channel *next;
};

struct acks {
	pthread_mutex_t lock;
	struct acks_settings settings;
	struct store *store;
	struct channel **indexers; /* a list of channels for each */

	size_t issued;
	size_t confirmed;    /* ids answered true */
	size_t forgotten;    /* ids dropped by a restart or idleness */
	size_t replies_lost; /* that carried a true */
	size_t events_indexed;
	size_t events_confirmed; /* and the sender was told */
	size_t events_lost;      /* accepted, then forgotten by a restart */
	size_t restarts;
};

struct acks *
acks_new(const struct acks_settings *settings, struct store *store)
{
	struct acks *acks = calloc(1, sizeof *acks);
	size_t indexers = (size_t)settings->indexers;

	if (acks == NULL)
		die(EX_OSERR, "memory: the indexers refused");
	pthread_mutex_init(&acks->lock, NULL);
	acks->settings = *settings;
	acks->store = store;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are meant */
	acks->indexers = calloc(indexers, sizeof *acks->indexers);
	if (acks->indexers == NULL)
		die(EX_OSERR, "memory: %d indexers refused",
		    settings->indexers);
	return acks;
}

static struct entry *
entry_at(const struct channel *channel, size_t id)
{
	return (struct entry *)(void *)channel->entries.data + id;
}

static size_t
entry_count(const struct channel *channel)
{
	return channel->entries.len / sizeof(struct entry);
}

static void
channel_free(struct channel *channel)
{
	for (size_t i = 0; i < entry_count(channel); i++)
		batch_free(&entry_at(channel, i)->batch);
	bytes_free(&channel->entries);
	free(channel);
}

void
acks_free(struct acks *acks)
{
	for (int i = 0; i < acks->settings.indexers; i++) {
		while (acks->indexers[i] != NULL) {
			struct channel *next = acks->indexers[i]->next;
			channel_free(acks->indexers[i]);
			acks->indexers[i] = next;
		}
	}
	free(acks->indexers);
	pthread_mutex_destroy(&acks->lock);
	free(acks);
}

bool
acks_channel(char guid[CHANNEL_LEN + 1], const char *text)
{
	size_t i;

	for (i = 0; i < CHANNEL_LEN && text[i] != '\0'; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (is_dash ? text[i] != '-'
			    : !isxdigit((unsigned char)text[i]))
			return false;
		guid[i] = (char)tolower((unsigned char)text[i]);
	}
	guid[i] = '\0';
	return i == CHANNEL_LEN && text[i] == '\0';
}

static struct channel *
find_channel(struct acks *acks, int indexer, const char *guid)
{
	struct channel *channel = acks->indexers[indexer];

	while (channel != NULL && strcmp(channel->guid, guid) != 0)
		channel = channel->next;
	if (channel != NULL)
		channel->used_ms = clock_ms();
	return channel;
}

static struct channel *
add_channel(struct acks *acks, int indexer, const char *guid)
{
	struct channel *channel = calloc(1, sizeof *channel);

	if (channel == NULL)
		die(EX_OSERR, "memory: a channel refused");
	snprintf(channel->guid, sizeof channel->guid, "%s", guid);
	channel->used_ms = clock_ms();
	channel->next = acks->indexers[indexer];
	acks->indexers[indexer] = channel;
	return channel;
}

bool
acks_have_room(struct acks *acks, int indexer, const char *guid)
{
	struct channel *channel;
	bool room;

	pthread_mutex_lock(&acks->lock);
	channel = find_channel(acks, indexer, guid);
	room =
	    channel == NULL || channel->pending < acks->settings.channel_limit;
	pthread_mutex_unlock(&acks->lock);
	return room;
}

static void
index_due(struct acks *acks, struct channel *channel, int64_t now_ms)
{
	for (; channel->first_unindexed < entry_count(channel);
	     channel->first_unindexed++) {
		struct entry *entry =
		    entry_at(channel, channel->first_unindexed);
		if (entry->due_ms > now_ms)
			return;
		store_keep(acks->store, &entry->batch);
		batch_free(&entry->batch);
		entry->is_indexed = true;
		acks->events_indexed += entry->count;
	}
}

int64_t
acks_add(struct acks *acks, int indexer, const char *guid,
    const struct batch *batch)
{
	struct entry entry = { .count = batch->count,
		.due_ms = clock_ms() + acks->settings.delay_ms };
	struct channel *channel;
	size_t id;

	entry.batch.count = batch->count;
	bytes_append(&entry.batch.lines, batch->lines.data, batch->lines.len);
	bytes_append(&entry.batch.uids, batch->uids.data, batch->uids.len);
	pthread_mutex_lock(&acks->lock);
	channel = find_channel(acks, indexer, guid);
	if (channel == NULL)
		channel = add_channel(acks, indexer, guid);
	id = entry_count(channel);
	bytes_append(&channel->entries, &entry, sizeof entry);
	channel->pending++;
	acks->issued++;
	index_due(acks, channel, clock_ms());
	pthread_mutex_unlock(&acks->lock);
	return (int64_t)id;
}

/* Is `id` true?  If so, it never is again. */
static bool
use_up(struct channel *channel, json_int_t id, size_t *confirmed)
{
	struct entry *entry;

	if (channel == NULL || id < 0 || (size_t)id >= entry_count(channel))
		return false;
	entry = entry_at(channel, (size_t)id);
	if (!entry->is_indexed || entry->is_used)
		return false;
	entry->is_used = true;
	channel->pending--;
	*confirmed += entry->count;
	return true;
}

json_t *
acks_poll(struct acks *acks, int indexer, const char *guid, json_t *ids,
    size_t *confirmed)
{
	json_t *states, *id;
	struct channel *channel;
	size_t i;

	*confirmed = 0;
	if (!json_is_array(ids))
		return NULL;
	json_array_foreach(ids, i, id) if (!json_is_integer(id)) return NULL;
	states = json_object();
	pthread_mutex_lock(&acks->lock);
	channel = find_channel(acks, indexer, guid);
	if (channel != NULL)
		index_due(acks, channel, clock_ms());
	json_array_foreach(ids, i, id)
	{
		char key[24];
		bool is_true =
		    use_up(channel, json_integer_value(id), confirmed);
		acks->confirmed += is_true;
		snprintf(key, sizeof key, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(id));
		json_object_set_new(states, key, json_boolean(is_true));
	}
	pthread_mutex_unlock(&acks->lock);
	return states;
}

void
acks_note_reply(struct acks *acks, size_t confirmed, bool was_told)
{
	pthread_mutex_lock(&acks->lock);
	if (was_told)
		acks->events_confirmed += confirmed;
	else if (confirmed > 0)
		acks->replies_lost++;
	pthread_mutex_unlock(&acks->lock);
}

static size_t
events_in_memory(const struct channel *channel)
{
	size_t events = 0;

	for (size_t i = channel->first_unindexed; i < entry_count(channel); i++)
		events += entry_at(channel, i)->count;
	return events;
}

static void
forget_channel(struct acks *acks, struct channel **link)
{
	struct channel *channel = *link;

	acks->forgotten += channel->pending;
	acks->events_lost += events_in_memory(channel);
	*link = channel->next;
	channel_free(channel);
}

void
acks_tick(struct acks *acks)
{
	int64_t now_ms = clock_ms();

	pthread_mutex_lock(&acks->lock);
	for (int i = 0; i < acks->settings.indexers; i++) {
		struct channel **link = &acks->indexers[i];
		while (*link != NULL) {
			index_due(acks, *link, now_ms);
			if (now_ms - (*link)->used_ms >=
				acks->settings.idle_ms &&
			    events_in_memory(*link) == 0)
				forget_channel(acks, link);
			else
				link = &(*link)->next;
		}
	}
	pthread_mutex_unlock(&acks->lock);
}

void
acks_restart(struct acks *acks, int indexer)
{
	pthread_mutex_lock(&acks->lock);
	for (int i = 0; i < acks->settings.indexers; i++)
		while (
		    (indexer < 0 || indexer == i) && acks->indexers[i] != NULL)
			forget_channel(acks, &acks->indexers[i]);
	acks->restarts++;
	pthread_mutex_unlock(&acks->lock);
}

void
acks_flush(struct acks *acks)
{
	struct channel *channel;

	pthread_mutex_lock(&acks->lock);
	for (int i = 0; i < acks->settings.indexers; i++)
		for (channel = acks->indexers[i]; channel != NULL;
		     channel = channel->next)
			index_due(acks, channel, INT64_MAX);
	pthread_mutex_unlock(&acks->lock);
}

json_t *
acks_stats(struct acks *acks)
{
	size_t in_memory = 0, channels = 0;
	struct channel *channel;
	json_t *stats;

	pthread_mutex_lock(&acks->lock);
	for (int i = 0; i < acks->settings.indexers; i++) {
		for (channel = acks->indexers[i]; channel != NULL;
		     channel = channel->next) {
			channels++;
			in_memory += events_in_memory(channel);
		}
	}
	stats = json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
	    "channels", (json_int_t)channels, "issued",
	    (json_int_t)acks->issued, "confirmed", (json_int_t)acks->confirmed,
	    "forgotten", (json_int_t)acks->forgotten, "replies_lost",
	    (json_int_t)acks->replies_lost, "events_in_memory",
	    (json_int_t)in_memory, "events_indexed",
	    (json_int_t)acks->events_indexed, "events_confirmed",
	    (json_int_t)acks->events_confirmed, "events_lost",
	    (json_int_t)acks->events_lost, "restarts",
	    (json_int_t)acks->restarts);
	pthread_mutex_unlock(&acks->lock);
	return stats;
}
