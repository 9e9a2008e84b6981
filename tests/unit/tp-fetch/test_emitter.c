/* The emitter: what it writes to the journal and to stdout, and in what order.
 */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"
#include "tp-fetch/emitter.h"

static char folder[] = "/tmp/test_emitter.XXXXXX";
static int dir_fd;

static char *
contents(const char *name)
{
	static struct buffer text;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	text.len_bytes = 0;
	assert_int_equal(io_read_file(path, 1 << 24, &text), 0);
	return buffer_text(&text);
}

static void
assert_contents(const char *name, const char *wanted)
{
	assert_string_equal(contents(name), wanted);
}

static int
open_out(void)
{
	int fd = openat(dir_fd, "out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600);

	assert_int_not_equal(fd, -1);
	return fd;
}

static struct emitter *
start(int out_fd)
{
	json_t *state = json_pack("{s:s,s:i}", "b", "x", "a", 1);
	struct emitter *emitter =
	    emitter_new(out_fd, dir_fd, folder, "R-1", 0, state);

	assert_non_null(emitter);
	json_decref(state);
	return emitter;
}

static enum emitter_status
line(struct emitter *emitter, const char *text, const char *uid, const char *id)
{
	buffer_append_text(emitter_open_line(emitter), text);
	return emitter_line(emitter, uid, strlen(uid), id, strlen(id));
}

#define HEADER                                                                 \
	"{\"journal\":1,\"run\":\"R-1\",\"mark\":[\"search\",\"seen\"],"       \
	"\"tagged\":false,\"state\":{\"a\":1,\"b\":\"x\"}}\n"

static void
writes_records_in_their_form_and_order(void **state)
{
	int fd = open_out();
	struct emitter *emitter = start(fd);
	json_t *patch = json_pack("{s:{s:n,s:s}}", "search", "seen", "key", "");

	(void)state;
	assert_contents("journal", HEADER);
	assert_int_equal(line(emitter, "{\"uid\":\"u1\"}", "u1", "u1"), 0);
	assert_int_equal(line(emitter, "{}", "", "cafe"), 0);
	emitter_move(emitter, patch);
	assert_int_equal(line(emitter, "{\"uid\":\"u2\"}", "u2", "id2"), 0);
	/* One is the other's beginning, and not the same. */
	assert_int_equal(line(emitter, "{\"uid\":\"u3\"}", "u3", "u33"), 0);
	/* This uid reads like none. */
	assert_int_equal(line(emitter, "{\"uid\":\"-\"}", "-", "-"), 0);
	assert_int_equal(emitter_finish(emitter), EMITTER_OK);
	assert_int_equal(emitter_lines(emitter), 5);
	assert_contents("journal",
	    HEADER "e u1\n"
		   "e - {\"search\":{\"seen\":{\"cafe\":1}}}\n"
		   "m {\"search\":{\"key\":\"\",\"seen\":null}}\n"
		   "e u2 {\"search\":{\"seen\":{\"id2\":1}}}\n"
		   "e u3 {\"search\":{\"seen\":{\"u33\":1}}}\n"
		   "e - {\"search\":{\"seen\":{\"-\":1}}}\n"
		   "f 5\n");
	assert_contents("out",
	    "{\"uid\":\"u1\"}\n{}\n{\"uid\":\"u2\"}\n{\"uid\":\"u3\"}\n"
	    "{\"uid\":\"-\"}\n");
	json_decref(patch);
	emitter_free(emitter);
	close(fd);
}

static void
a_tag_is_the_first_member(void **state)
{
	int fd = open_out();
	json_t *empty = json_object();
	struct emitter *emitter =
	    emitter_new(fd, dir_fd, folder, "R-1", 1, empty);

	(void)state;
	assert_int_equal(line(emitter, "{\"uid\":\"u1\"}", "u1", "u1"), 0);
	assert_int_equal(line(emitter, "{}", "", "cafe"), 0);
	assert_int_equal(emitter_finish(emitter), EMITTER_OK);
	assert_contents("out",
	    "{\"_tp\":\"R-1/1\",\"uid\":\"u1\"}\n{\"_tp\":\"R-1/2\"}\n");
	assert_non_null(strstr(contents("journal"), "\"tagged\":true"));
	assert_non_null(strstr(contents("journal"), "\ne u1\n"));
	json_decref(empty);
	emitter_free(emitter);
	close(fd);
}

static void
forgets_a_line_that_is_not_to_be_sent(void **state)
{
	int fd = open_out();
	struct emitter *emitter = start(fd);

	(void)state;
	assert_int_equal(line(emitter, "first", "a", "a"), 0);
	buffer_append_text(emitter_open_line(emitter), "never");
	emitter_forget(emitter);
	assert_int_equal(line(emitter, "second", "b", "b"), 0);
	assert_int_equal(emitter_finish(emitter), EMITTER_OK);
	assert_contents("out", "first\nsecond\n");
	assert_contents("journal", HEADER "e a\ne b\nf 2\n");
	emitter_free(emitter);
	close(fd);
}

static void
what_is_buffered_has_no_record_yet(void **state)
{
	int fd = open_out();
	struct emitter *emitter = start(fd);

	(void)state;
	assert_int_equal(line(emitter, "first", "a", "a"), 0);
	assert_contents("journal", HEADER);
	assert_contents("out", "");
	assert_int_equal(emitter_flush(emitter), EMITTER_OK);
	assert_int_equal(line(emitter, "second", "b", "b"), 0);
	emitter_free(emitter);
	assert_contents("journal", HEADER "e a\n");
	assert_contents("out", "first\n");
	close(fd);
}

static void
holds_no_more_than_it_must(void **state)
{
	int fd = open_out();
	struct emitter *emitter = start(fd);
	static const char text[] = "{\"some\":\"line of some bytes\"}";
	const size_t line_bytes = sizeof(text); /* with its newline */
	const size_t count = 10000;

	(void)state;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(line(emitter, text, "a", "a"), 0);
	size_t written = strlen(contents("out"));
	assert_true(count * line_bytes - written < 130 * 1024);
	assert_int_equal(written % line_bytes, 0);
	emitter_free(emitter);
	close(fd);
}

/* The record of a line that could not be written is there; no `f` is. */
static void
says_when_the_reader_has_gone(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	struct emitter *emitter = start(ends[1]);
	assert_int_equal(line(emitter, "{}", "a", "a"), EMITTER_OK);
	assert_int_equal(emitter_flush(emitter), EMITTER_READER_GONE);
	assert_int_equal(emitter_finish(emitter), EMITTER_READER_GONE);
	assert_contents("journal", HEADER "e a\n");
	emitter_free(emitter);
	close(ends[1]);
}

static void
a_full_stdout_is_an_error(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	struct emitter *emitter = start(fd);
	assert_int_equal(line(emitter, "{}", "a", "a"), EMITTER_OK);
	assert_int_equal(emitter_finish(emitter), EMITTER_ERROR);
	assert_contents("journal", HEADER "e a\n");
	emitter_free(emitter);
	close(fd);
}

static void
a_new_run_never_writes_into_the_old_journal(void **state)
{
	int fd = open_out();
	struct emitter *old = start(fd);
	int old_fd = openat(dir_fd, "journal", O_RDONLY | O_CLOEXEC);
	char text[512];

	(void)state;
	struct emitter *new = start(fd);
	assert_int_equal(line(new, "{}", "a", "a"), 0);
	assert_int_equal(emitter_finish(new), EMITTER_OK);
	ssize_t n = read(old_fd, text, sizeof(text));
	assert_int_equal(n, sizeof(HEADER) - 1);
	assert_contents("journal", HEADER "e a\nf 1\n");
	assert_int_equal(faccessat(dir_fd, "journal.new", F_OK, 0), -1);
	close(old_fd);
	emitter_free(new);
	emitter_free(old);
	close(fd);
}

static void
without_a_state_directory_there_is_no_journal(void **state)
{
	int fd = open_out();
	json_t *patch = json_object();
	struct emitter *emitter = emitter_new(fd, -1, NULL, "R-1", 0, patch);

	(void)state;
	unlinkat(dir_fd, "journal", 0);
	emitter_move(emitter, patch);
	assert_int_equal(line(emitter, "{}", "a", "a"), 0);
	assert_int_equal(emitter_finish(emitter), EMITTER_OK);
	assert_contents("out", "{}\n");
	assert_int_equal(faccessat(dir_fd, "journal", F_OK, 0), -1);
	json_decref(patch);
	emitter_free(emitter);
	close(fd);
}

static void
a_dry_run_counts_and_writes_nothing(void **state)
{
	json_t *empty = json_object();
	struct emitter *emitter = emitter_new(-1, -1, NULL, "R-1", 0, empty);

	(void)state;
	assert_int_equal(line(emitter, "{}", "a", "a"), 0);
	assert_int_equal(emitter_finish(emitter), EMITTER_OK);
	assert_int_equal(emitter_lines(emitter), 1);
	json_decref(empty);
	emitter_free(emitter);
}

static int
make_folder(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	message_start("test_emitter");
	if (mkdtemp(folder) == NULL)
		return -1;
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd == -1 ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	unlinkat(dir_fd, "out", 0);
	unlinkat(dir_fd, "journal", 0);
	close(dir_fd);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_records_in_their_form_and_order),
		cmocka_unit_test(a_tag_is_the_first_member),
		cmocka_unit_test(forgets_a_line_that_is_not_to_be_sent),
		cmocka_unit_test(what_is_buffered_has_no_record_yet),
		cmocka_unit_test(holds_no_more_than_it_must),
		cmocka_unit_test(says_when_the_reader_has_gone),
		cmocka_unit_test(a_full_stdout_is_an_error),
		cmocka_unit_test(a_new_run_never_writes_into_the_old_journal),
		cmocka_unit_test(without_a_state_directory_there_is_no_journal),
		cmocka_unit_test(a_dry_run_counts_and_writes_nothing),
	};

	return cmocka_run_group_tests_name("emitter", tests, make_folder,
	    remove_folder);
}
