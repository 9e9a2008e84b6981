/* The rules between acknowledgements and the run they are about. */
#include "tp-cursor/session.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "tp-cursor/ack_line.h"
#include "tp-cursor/run.h"

enum { SHOWN_BYTES = 60 }; /* of a line that is refused */

struct session {
	int dir_fd;
	const char *path;
	const char *run_wanted;
	struct run *run; /* NULL: not opened yet */
	int64_t acked_line;
	enum ack_kind ended; /* ACK_END, ACK_STOP, or ACK_UP_TO: neither yet */
	char stop_text[ACK_LINE_MAX_BYTES + 1];
};

struct session *
session_new(int dir_fd, const char *path, const char *run_wanted)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		die(EXIT_OS, "out of memory");
	session->dir_fd = dir_fd;
	session->path = path;
	session->run_wanted = run_wanted;
	session->ended = ACK_UP_TO;
	return session;
}

void
session_free(struct session *session)
{
	if (session == NULL)
		return;
	run_free(session->run);
	free(session);
}

int
session_has_pending(const struct session *session)
{
	return session->run != NULL &&
	       session->acked_line > run_committed_line(session->run);
}

/* Without --run, a journal found before any acknowledgement may be old. */
int
session_may_have_moves(const struct session *session)
{
	return session->run != NULL || session->run_wanted != NULL;
}

/* An acknowledgement needs the journal. */
static int
need_run(struct session *session)
{
	char other[65];

	if (session->run != NULL)
		return 0;
	int result = run_open(session->dir_fd, session->path,
	    session->run_wanted, 0, &session->run, other);
	if (result != 0 || session->run != NULL)
		return result;
	if (*other) {
		message("%s/journal: is of run %s, not of run %s: nothing is "
			"committed",
		    session->path, other, session->run_wanted);
		return EXIT_TRY_AGAIN;
	}
	message("%s/journal: missing, so there is nothing that could have been "
		"acknowledged: is this tp-fetch's --state?",
	    session->path);
	return EXIT_DATA;
}

/* Judges `ack N [uid]` with the journal's help. */
static int
check_line(struct session *session, const struct ack_line *ack)
{
	int is_there;
	const char *uid;

	int result = run_look(session->run, ack->line, &is_there, &uid);
	if (result != 0)
		return result;
	if (!is_there) {
		int64_t lines;
		int is_finished;
		result = run_look_to_end(session->run, &lines, &is_finished);
		if (result == 0)
			message("line %lld is acknowledged, but run %s has "
				"only %lld lines: lines were added in between",
			    (long long)ack->line, run_id(session->run),
			    (long long)lines);
		return EXIT_DATA;
	}
	if (*ack->uid && *uid && strcmp(ack->uid, uid) != 0) {
		message("line %lld is acknowledged as %s, but is %s in run %s: "
			"lines were dropped or added in between (for a filter "
			"that drops lines: tp-fetch --tag)",
		    (long long)ack->line, ack->uid, uid, run_id(session->run));
		return EXIT_DATA;
	}
	return 0;
}

static int
take_line_number(struct session *session, const struct ack_line *ack)
{
	if (session->ended != ACK_UP_TO) {
		message("line %lld is acknowledged after the end at line %lld",
		    (long long)ack->line, (long long)session->acked_line);
		return EXIT_DATA;
	}
	if (ack->line < session->acked_line) {
		message("line %lld is acknowledged after line %lld: the number "
			"never goes down",
		    (long long)ack->line, (long long)session->acked_line);
		return EXIT_DATA;
	}
	if (ack->line == 0)
		return 0; /* the same as no acknowledgement */
	int result = need_run(session);
	if (result == 0)
		result = check_line(session, ack);
	if (result == 0)
		session->acked_line = ack->line;
	return result;
}

static int
take(struct session *session, const struct ack_line *ack)
{
	int result = take_line_number(session, ack);

	if (result == 0 && ack->kind != ACK_UP_TO) {
		session->ended = ack->kind;
		if (ack->text_len_bytes > 0)
			memcpy(session->stop_text, ack->text,
			    ack->text_len_bytes);
		session->stop_text[ack->text_len_bytes] = '\0';
	}
	if (result != 0 && session_has_pending(session))
		session_commit(session);
	return result;
}

int
session_take(struct session *session, const char *bytes, size_t len_bytes)
{
	struct ack_line ack = ack_line_parse(bytes, len_bytes);

	if (ack.kind == ACK_COMMENT)
		return 0;
	if (ack.kind != ACK_BAD)
		return take(session, &ack);
	int shown = len_bytes > SHOWN_BYTES ? SHOWN_BYTES : (int)len_bytes;
	message("\"%.*s%s\" (%zu bytes) is not an acknowledgement", shown,
	    bytes, len_bytes > SHOWN_BYTES ? "..." : "", len_bytes);
	if (session_has_pending(session))
		session_commit(session);
	return EXIT_DATA;
}

int
session_take_cut(struct session *session, const char *bytes, size_t len_bytes)
{
	struct ack_line ack = ack_line_parse(bytes, len_bytes);

	if (ack.kind == ACK_COMMENT)
		return 0;
	if (ack.kind == ACK_BAD || ack.line < session->acked_line) {
		message_verbose("the last line is cut, and so ignored");
		return 0;
	}
	message_verbose("the last line has no newline: read as \"ack %lld\"",
	    (long long)ack.line);
	ack.kind = ACK_UP_TO;
	ack.uid[0] = '\0';
	ack.text_len_bytes = 0;
	return take(session, &ack);
}

int
session_commit(struct session *session)
{
	char other[65];

	if (session->run == NULL && session->run_wanted != NULL) {
		int result = run_open(session->dir_fd, session->path,
		    session->run_wanted, 1, &session->run, other);
		if (result != 0)
			return result;
	}
	return session->run != NULL
		   ? run_commit(session->run, session->acked_line)
		   : 0;
}

/* Whether what was acknowledged is all that there was. */
static int
judge(const struct session *session, int64_t lines, int is_finished)
{
	const char *run = run_id(session->run);
	int64_t safe = run_committed_line(session->run);

	if (session->ended == ACK_STOP) {
		message("run %s stopped after line %lld of %lld: %s", run,
		    (long long)safe, (long long)lines, session->stop_text);
		return EXIT_TRY_AGAIN;
	}
	if (safe == lines)
		return 0;
	/* No line came, so the journal may well be the run's before: tp-fetch
	   ended before it made its own. */
	if (session->ended == ACK_END && session->acked_line == 0 &&
	    session->run_wanted == NULL)
		return 0;
	if (session->ended == ACK_UP_TO) {
		message("run %s: acknowledgements ended early, after line %lld "
			"of %lld: the rest will be fetched again",
		    run, (long long)safe, (long long)lines);
		return EXIT_TRY_AGAIN;
	}
	if (!is_finished)
		return 0; /* records of lines that never left tp-fetch */
	if (run_is_tagged(session->run))
		return 0; /* a filter dropped the last ones, as it may */
	message("run %s: %lld lines acknowledged of %lld: lines were lost in "
		"between (for a filter that drops lines: tp-fetch --tag)",
	    run, (long long)safe, (long long)lines);
	return EXIT_DATA;
}

/* The input ended without any acknowledgement of a line. */
static int
find_run(struct session *session)
{
	char other[65];
	int result =
	    run_open(session->dir_fd, session->path, session->run_wanted,
		session->run_wanted != NULL, &session->run, other);

	if (result != 0 || session->run != NULL)
		return result;
	if (session->ended == ACK_STOP) {
		message("stopped before the first line: %s",
		    session->stop_text);
		return EXIT_TRY_AGAIN;
	}
	message_verbose("%s: no journal of this run: nothing to do",
	    session->path);
	return 0;
}

int
session_finish(struct session *session)
{
	int64_t lines;
	int is_finished;
	int result = session->run == NULL ? find_run(session) : 0;

	if (result != 0 || session->run == NULL)
		return result;
	result = run_commit(session->run, session->acked_line);
	if (result == 0)
		result = run_look_to_end(session->run, &lines, &is_finished);
	return result == 0 ? judge(session, lines, is_finished) : result;
}
