/*
 * tp-cursor: reads acknowledgements and commits the position that they stand
 * for.
 *
 * Commits are coalesced.  All lines that one read brings are taken before
 * anything is committed, and after a commit the next one waits three times as
 * long as it took (20 ms to 1 s), while reading goes on: however fast
 * acknowledgements come and however slow the disk, their writer does not wait
 * for it, and commits take a quarter of the time at most.  What waits is
 * committed at the end of the input; a crash before that repeats it.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "lib/message.h"
#include "lib/state_dir.h"
#include "lib/stop.h"
#include "tp-cursor/ack_line.h"
#include "tp-cursor/options.h"
#include "tp-cursor/session.h"
#include "tp-cursor/show.h"

enum {
	INPUT_BYTES = 64 * 1024,
	MOVES_EVERY_MS = 1000,
	PAUSE_LEAST_MS = 20,
	PAUSE_MOST_MS = 1000,
	PAUSE_FACTOR = 3
};

struct input {
	char bytes[INPUT_BYTES];
	size_t len_bytes;
	int is_at_end;
};

struct schedule {
	int64_t next_commit_ms; /* of what was acknowledged: not before this */
	int64_t next_moves_ms;  /* of moves alone */
};

/* Takes the whole lines out of the input. */
static int
take_lines(struct input *input, struct session *session)
{
	char *line = input->bytes;
	char *end = input->bytes + input->len_bytes;
	char *newline;

	while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		int result =
		    session_take(session, line, (size_t)(newline - line));
		if (result != 0)
			return result;
		line = newline + 1;
	}
	input->len_bytes = (size_t)(end - line);
	if (input->len_bytes > ACK_LINE_MAX_BYTES)
		return session_take(session, line, input->len_bytes);
	memmove(input->bytes, line, input->len_bytes);
	return 0;
}

static int
read_input(struct input *input, struct session *session)
{
	ssize_t n = read(STDIN_FILENO, input->bytes + input->len_bytes,
	    INPUT_BYTES - input->len_bytes);

	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n == -1) {
		message("standard input: %s", strerror(errno));
		session_commit(session);
		return EXIT_IO;
	}
	input->len_bytes += (size_t)n;
	if (n > 0)
		return take_lines(input, session);
	input->is_at_end = 1;
	return session_take_cut(session, input->bytes, input->len_bytes);
}

static int
commit_if_due(struct schedule *schedule, struct session *session)
{
	int64_t began_ms = clock_ms();
	int64_t due_ms = session_has_pending(session) ? schedule->next_commit_ms
						      : schedule->next_moves_ms;

	if (began_ms < due_ms)
		return 0;
	int result = session_commit(session);
	int64_t now_ms = clock_ms();
	int64_t pause_ms = PAUSE_FACTOR * (now_ms - began_ms);
	if (pause_ms < PAUSE_LEAST_MS)
		pause_ms = PAUSE_LEAST_MS;
	if (pause_ms > PAUSE_MOST_MS)
		pause_ms = PAUSE_MOST_MS;
	schedule->next_commit_ms = now_ms + pause_ms;
	schedule->next_moves_ms = now_ms + MOVES_EVERY_MS;
	return result;
}

/* Until there is input, a signal, or something may be due. */
static void
wait_for_work(const struct schedule *schedule, const struct session *session,
    int stop_fd, int *is_readable)
{
	struct pollfd ready[] = { { .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = stop_fd, .events = POLLIN } };
	int64_t timeout_ms;

	if (session_has_pending(session))
		timeout_ms = schedule->next_commit_ms - clock_ms();
	else if (session_may_have_moves(session))
		timeout_ms = schedule->next_moves_ms - clock_ms();
	else
		timeout_ms = INT_MAX;
	if (timeout_ms < 0)
		timeout_ms = 0;
	int n = poll(ready, 2, (int)timeout_ms);
	*is_readable = n > 0 && ready[0].revents != 0;
}

static int
follow(int dir_fd, const struct options *options, int stop_fd)
{
	static struct input input;
	struct schedule schedule = { 0, 0 };
	struct session *session =
	    session_new(dir_fd, options->state_path, options->run_wanted);
	int is_readable;
	int result = 0;

	while (result == 0 && !input.is_at_end) {
		if (stop_fd != -1 && stop_taken()) {
			message_verbose(
			    "stopping when the acknowledgements end");
			stop_fd = -1; /* noted: no reason to wake up again */
		}
		wait_for_work(&schedule, session, stop_fd, &is_readable);
		if (is_readable)
			result = read_input(&input, session);
		if (result == 0 && !input.is_at_end)
			result = commit_if_due(&schedule, session);
	}
	if (result == 0)
		result = session_finish(session);
	session_free(session);
	return result;
}

/*
 * In a first run tp-fetch may be making the directory just now: it is there
 * before the first acknowledgement can be.
 */
static void
wait_for_directory(const char *path)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	if (access(path, F_OK) == -1 && errno == ENOENT)
		poll(&input, 1, -1);
}

int
main(int argc, char **argv)
{
	int dir_fd;

	message_start("tp-cursor");
	io_check_standard(0);
	struct options options = options_parse(argc, argv);
	const int is_show = options.command == COMMAND_SHOW;

	if (!is_show && isatty(STDIN_FILENO))
		die(EXIT_USAGE,
		    "standard input is a terminal: acknowledgements are "
		    "expected there, as in \"tp-hec <events | tp-cursor "
		    "--state %s\"",
		    options.state_path);
	if (!is_show)
		wait_for_directory(options.state_path);
	int result = state_dir_open(options.state_path, 0, &dir_fd);
	if (result != 0)
		return result;
	if (is_show)
		result = show(dir_fd, options.state_path, options.is_json);
	else
		result = follow(dir_fd, &options, stop_open());
	close(dir_fd);
	return result;
}
