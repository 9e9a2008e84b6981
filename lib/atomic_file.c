/* Replace a file whole. */
#include "lib/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"

static int
write_aside(int dir_fd, const char *name, mode_t mode, const void *bytes,
    size_t len_bytes, const char **step)
{
	/* A new file, not a leftover of an earlier crash with its own mode. */
	*step = "unlink";
	if (unlinkat(dir_fd, name, 0) == -1 && errno != ENOENT)
		return -1;
	*step = "open";
	int fd =
	    openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd == -1)
		return -1;
	*step = "write";
	int result = io_write_all(fd, bytes, len_bytes);
	if (result == 0) {
		*step = "fsync";
		result = fsync(fd);
	}
	int saved_errno = errno;
	if (close(fd) == -1 && result == 0) {
		*step = "close";
		return -1;
	}
	errno = saved_errno;
	return result;
}

int
atomic_file_replace(int dir_fd, const char *name, mode_t mode,
    const void *bytes, size_t len_bytes, const char **step)
{
	char aside[256];

	*step = "open";
	if (snprintf(aside, sizeof(aside), "%s.new", name) >=
	    (int)sizeof(aside)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int result = write_aside(dir_fd, aside, mode, bytes, len_bytes, step);
	if (result == 0) {
		*step = "rename";
		result = renameat(dir_fd, aside, dir_fd, name);
	}
	if (result == -1) {
		int saved_errno = errno;
		unlinkat(dir_fd, aside, 0);
		errno = saved_errno;
		return -1;
	}
	*step = "fsync of the directory";
	return fsync(dir_fd);
}
