/* The one owner of stdout and of the journal: records first, then lines. */
#include "tp-fetch/emitter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"

enum { FLUSH_BYTES = 128 * 1024 };

struct emitter {
	int out_fd;
	int journal_fd; /* -1: none */
	const char *state_path;
	struct buffer out;
	size_t open_at; /* where the open line begins in `out` */
	struct buffer journal;
	uint64_t lines;
	const char *run;
	int is_tagged;
};

/* The header: the only record that holds a whole state. */
static void
append_header(struct emitter *emitter, const json_t *state)
{
	char *compact = json_dumps(state, JSON_COMPACT | JSON_SORT_KEYS);

	if (compact == NULL)
		die(EXIT_OS, "out of memory");
	buffer_printf(&emitter->journal,
	    "{\"journal\":1,\"run\":\"%s\",\"mark\":[\"search\",\"seen\"],"
	    "\"tagged\":%s,\"state\":%s}\n",
	    emitter->run, emitter->is_tagged ? "true" : "false", compact);
	free(compact);
}

/*
 * A new file, renamed into place with its header in it: whoever opens
 * S/journal finds a whole header, and the old file is never written again.
 */
static int
open_journal(struct emitter *emitter, int dir_fd)
{
	int fd = openat(dir_fd, "journal.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
	    0600);

	if (fd == -1 ||
	    io_write_all(fd, emitter->journal.data,
		emitter->journal.len_bytes) == -1 ||
	    renameat(dir_fd, "journal.new", dir_fd, "journal") == -1) {
		message("%s/journal: cannot make it: %s", emitter->state_path,
		    strerror(errno));
		if (fd != -1)
			close(fd);
		return -1;
	}
	emitter->journal.len_bytes = 0;
	return fd;
}

struct emitter *
emitter_new(int out_fd, int dir_fd, const char *state_path, const char *run,
    int is_tagged, const json_t *state)
{
	struct emitter *emitter = calloc(1, sizeof(*emitter));

	if (emitter == NULL)
		die(EXIT_OS, "out of memory");
	emitter->out_fd = out_fd;
	emitter->journal_fd = -1;
	emitter->state_path = state_path;
	emitter->run = run;
	emitter->is_tagged = is_tagged;
	if (dir_fd != -1) {
		append_header(emitter, state);
		emitter->journal_fd = open_journal(emitter, dir_fd);
		if (emitter->journal_fd == -1) {
			emitter_free(emitter);
			return NULL;
		}
	}
	return emitter;
}

/* The open line is an object: its tag goes behind the brace. */
static void
insert_tag(struct emitter *emitter)
{
	struct buffer *out = &emitter->out;
	const size_t at = emitter->open_at + 1;
	const int is_empty = out->data[at] == '}';
	char tag[128];
	const size_t len = (size_t)snprintf(tag, sizeof(tag),
	    "\"_tp\":\"%s/%llu\"%s", emitter->run,
	    (unsigned long long)emitter->lines + 1, is_empty ? "" : ",");

	buffer_reserve(out, len);
	memmove(out->data + at + len, out->data + at, out->len_bytes - at);
	memcpy(out->data + at, tag, len);
	out->len_bytes += len;
}

struct buffer *
emitter_open_line(struct emitter *emitter)
{
	emitter->open_at = emitter->out.len_bytes;
	return &emitter->out;
}

void
emitter_forget(struct emitter *emitter)
{
	emitter->out.len_bytes = emitter->open_at;
}

/*
 * `e UID`, or with the id spelt out as a patch where it is not the uid, or
 * where the uid is "-", which there says that there is none.
 */
static void
append_record(struct buffer *journal, const char *uid, size_t uid_len_bytes,
    const char *id, size_t id_len_bytes)
{
	const int is_same = uid_len_bytes == id_len_bytes &&
			    memcmp(uid, id, id_len_bytes) == 0 &&
			    (uid_len_bytes != 1 || *uid != '-');

	buffer_append(journal, "e ", 2);
	if (uid_len_bytes > 0)
		buffer_append(journal, uid, uid_len_bytes);
	else
		buffer_append_byte(journal, '-');
	if (!is_same) /* a plain id needs no escapes */
		buffer_printf(journal, " {\"search\":{\"seen\":{\"%.*s\":1}}}",
		    (int)id_len_bytes, id);
	buffer_append_byte(journal, '\n');
}

enum emitter_status
emitter_line(struct emitter *emitter, const char *uid, size_t uid_len_bytes,
    const char *id, size_t id_len_bytes)
{
	if (emitter->journal_fd != -1)
		append_record(&emitter->journal, uid, uid_len_bytes, id,
		    id_len_bytes);
	if (emitter->is_tagged)
		insert_tag(emitter);
	buffer_append_byte(&emitter->out, '\n');
	emitter->lines++;
	if (emitter->out.len_bytes < FLUSH_BYTES)
		return EMITTER_OK;
	return emitter_flush(emitter);
}

void
emitter_move(struct emitter *emitter, const json_t *patch)
{
	if (emitter->journal_fd == -1)
		return;
	char *compact = json_dumps(patch, JSON_COMPACT | JSON_SORT_KEYS);
	if (compact == NULL)
		die(EXIT_OS, "out of memory");
	buffer_printf(&emitter->journal, "m %s\n", compact);
	free(compact);
}

static enum emitter_status
flush_journal(struct emitter *emitter)
{
	struct buffer *journal = &emitter->journal;

	if (journal->len_bytes == 0)
		return EMITTER_OK;
	if (io_write_all(emitter->journal_fd, journal->data,
		journal->len_bytes) == -1) {
		message("%s/journal: cannot write: %s", emitter->state_path,
		    strerror(errno));
		return EMITTER_ERROR;
	}
	journal->len_bytes = 0;
	return EMITTER_OK;
}

enum emitter_status
emitter_flush(struct emitter *emitter)
{
	enum emitter_status status = flush_journal(emitter);

	if (status != EMITTER_OK)
		return status;
	if (emitter->out_fd != -1 &&
	    io_write_all(emitter->out_fd, emitter->out.data,
		emitter->out.len_bytes) == -1) {
		if (errno == EPIPE)
			return EMITTER_READER_GONE;
		message("standard output: cannot write: %s", strerror(errno));
		return EMITTER_ERROR;
	}
	emitter->out.len_bytes = 0;
	return EMITTER_OK;
}

enum emitter_status
emitter_finish(struct emitter *emitter)
{
	enum emitter_status status = emitter_flush(emitter);

	if (status != EMITTER_OK || emitter->journal_fd == -1)
		return status;
	buffer_printf(&emitter->journal, "f %llu\n",
	    (unsigned long long)emitter->lines);
	return flush_journal(emitter);
}

uint64_t
emitter_lines(const struct emitter *emitter)
{
	return emitter->lines;
}

void
emitter_free(struct emitter *emitter)
{
	if (emitter == NULL)
		return;
	if (emitter->journal_fd != -1)
		close(emitter->journal_fd);
	buffer_free(&emitter->out);
	buffer_free(&emitter->journal);
	free(emitter);
}
