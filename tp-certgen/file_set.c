/* Several files written to one directory, all or none. */
#include "tp-certgen/file_set.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"

/*
 * A write under way.  `step` and `name` say what is being done, so that every
 * failure can simply return.
 */
struct placing {
	const struct file_set *set;
	bool is_forced;
	bool made_directory;
	char aside[PATH_MAX]; /* "" while there is none */
	int aside_fd;
	int target_fd;
	size_t placed; /* entries that are in the target by now */
	const char *step;
	const char *name;
};

struct buffer *
file_set_add(struct file_set *set, const char *name, const char *suffix,
    mode_t mode)
{
	assert(set->count < FILE_SET_MAX);
	struct file_set_entry *entry = &set->entries[set->count++];

	snprintf(entry->name, sizeof(entry->name), "%s%s", name, suffix);
	entry->mode = mode;
	return &entry->contents;
}

const char *
file_set_find_existing(const struct file_set *set, const char *directory,
    bool is_forced)
{
	for (size_t i = 0; i < set->count; i++) {
		const char *name = set->entries[i].name;
		char path[PATH_MAX];
		struct stat found;
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (lstat(path, &found) == 0 &&
		    !(is_forced && S_ISREG(found.st_mode)))
			return name;
	}
	return NULL;
}

static int
open_directories(struct placing *placing, const char *directory)
{
	placing->name = directory;
	placing->step = "make the directory";
	if (mkdir(directory, 0700) == 0)
		placing->made_directory = true;
	else if (errno != EEXIST)
		return -1;
	placing->step = "open the directory";
	placing->target_fd =
	    open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (placing->target_fd == -1)
		return -1;
	placing->step = "make a directory in";
	snprintf(placing->aside, sizeof(placing->aside),
	    "%s/.tp-certgen.XXXXXX", directory);
	if (mkdtemp(placing->aside) == NULL) {
		placing->aside[0] = '\0';
		return -1;
	}
	placing->aside_fd =
	    open(placing->aside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return placing->aside_fd == -1 ? -1 : 0;
}

static int
write_aside(struct placing *placing, const struct file_set_entry *entry)
{
	placing->name = entry->name;
	placing->step = "create";
	int fd = openat(placing->aside_fd, entry->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, entry->mode);
	if (fd == -1)
		return -1;
	placing->step = "write";
	int result =
	    io_write_all(fd, entry->contents.data, entry->contents.len_bytes);
	if (result == 0)
		result = fsync(fd);
	int saved_errno = errno;
	if (close(fd) == -1 && result == 0)
		return -1;
	errno = saved_errno;
	return result;
}

/* A file that appeared since the caller looked is still not overwritten. */
static int
put_in_place(struct placing *placing, const struct file_set_entry *entry)
{
	placing->name = entry->name;
	placing->step = "rename into place";
	if (!placing->is_forced) {
		if (renameat2(placing->aside_fd, entry->name,
			placing->target_fd, entry->name, RENAME_NOREPLACE) == 0)
			return 0;
		/* Some file systems (NFS) cannot promise that. */
		if (errno != EINVAL)
			return -1;
	}
	return renameat(placing->aside_fd, entry->name, placing->target_fd,
	    entry->name);
}

static int
place_all(struct placing *placing, const char *directory)
{
	const struct file_set *set = placing->set;

	if (open_directories(placing, directory) == -1)
		return -1;
	for (size_t i = 0; i < set->count; i++)
		if (write_aside(placing, &set->entries[i]) == -1)
			return -1;
	for (; placing->placed < set->count; placing->placed++)
		if (put_in_place(placing, &set->entries[placing->placed]) == -1)
			return -1;
	placing->name = directory;
	placing->step = "sync the directory";
	return fsync(placing->target_fd);
}

static void
clean_up(struct placing *placing, const char *directory, bool has_failed)
{
	const struct file_set *set = placing->set;

	/* With is_forced, what they replaced is gone: the new ones stay. */
	if (has_failed && !placing->is_forced)
		while (placing->placed > 0)
			unlinkat(placing->target_fd,
			    set->entries[--placing->placed].name, 0);
	if (placing->aside_fd != -1) {
		for (size_t i = 0; i < set->count; i++)
			unlinkat(placing->aside_fd, set->entries[i].name, 0);
		close(placing->aside_fd);
	}
	if (placing->aside[0] != '\0')
		rmdir(placing->aside);
	if (placing->target_fd != -1)
		close(placing->target_fd);
	if (has_failed && placing->made_directory)
		rmdir(directory);
}

int
file_set_write(const struct file_set *set, const char *directory,
    bool is_forced, const char **step, const char **name)
{
	struct placing placing = { .set = set,
		.is_forced = is_forced,
		.aside_fd = -1,
		.target_fd = -1 };
	sigset_t held;
	sigset_t before;

	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigaddset(&held, SIGTERM);
	sigprocmask(SIG_BLOCK, &held, &before);
	int result = place_all(&placing, directory);
	int saved_errno = errno;
	clean_up(&placing, directory, result == -1);
	sigprocmask(SIG_SETMASK, &before, NULL);

	*step = placing.step;
	*name = placing.name;
	errno = saved_errno;
	return result;
}

void
file_set_free(struct file_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct buffer *contents = &set->entries[i].contents;
		OPENSSL_cleanse(contents->data, contents->len_bytes);
		buffer_free(contents);
	}
	set->count = 0;
}
