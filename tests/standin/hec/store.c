/*
 * What Splunk would have indexed.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "../say.h"
#include "uids.h"

struct store {
	pthread_mutex_t lock; /* one batch's lines stay together */
	int out;              /* -1: none */
	int untold;           /* -1: none */
	bool with_uids;
	struct uids uids;
	size_t count;
};

static int
open_to_append(const char *path)
{
	int fd;

	if (path == NULL)
		return -1;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		die(EX_CANTCREAT, "%s: %s", path, strerror(errno));
	return fd;
}

struct store *
store_open(const char *out, const char *untold, bool with_uids)
{
	struct store *store = calloc(1, sizeof *store);

	if (store == NULL)
		die(EX_OSERR, "memory: the store refused");
	pthread_mutex_init(&store->lock, NULL);
	store->out = open_to_append(out);
	store->untold = open_to_append(untold);
	store->with_uids = with_uids;
	return store;
}

void
store_close(struct store *store)
{
	if (store->out >= 0)
		close(store->out);
	if (store->untold >= 0)
		close(store->untold);
	uids_free(&store->uids);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

/* Losing a line here would look like the sender's loss, so it is the end. */
static void
write_all(int fd, const char *data, size_t len)
{
	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EX_IOERR, "store: %s", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

void
store_keep(struct store *store, const struct batch *batch)
{
	const struct uid *uids = (const void *)batch->uids.data;

	pthread_mutex_lock(&store->lock);
	write_all(store->out, batch->lines.data, batch->lines.len);
	store->count += batch->count;
	if (store->with_uids)
		for (size_t i = 0; i < batch->count; i++)
			uids_add(&store->uids, uids[i]);
	pthread_mutex_unlock(&store->lock);
}

void
store_note_untold(struct store *store, const struct batch *batch, size_t count)
{
	const char *from, *end;

	if (store->untold < 0 || count == 0)
		return;
	from = batch->lines.data;
	end = from + batch->lines.len;
	for (size_t i = count; i < batch->count; i++)
		from = (char *)memchr(from, '\n', (size_t)(end - from)) + 1;
	pthread_mutex_lock(&store->lock);
	write_all(store->untold, from, (size_t)(end - from));
	pthread_mutex_unlock(&store->lock);
}

size_t
store_count(struct store *store)
{
	size_t count;

	pthread_mutex_lock(&store->lock);
	count = store->count;
	pthread_mutex_unlock(&store->lock);
	return count;
}

json_t *
store_uid_stats(struct store *store)
{
	json_t *stats = NULL;

	pthread_mutex_lock(&store->lock);
	if (store->with_uids)
		stats = json_pack("{s:I,s:I,s:I}", "distinct",
		    (json_int_t)store->uids.distinct, "repeated",
		    (json_int_t)store->uids.repeated, "without",
		    (json_int_t)store->uids.without);
	pthread_mutex_unlock(&store->lock);
	return stats;
}
