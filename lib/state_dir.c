/* The state directory and its lock. */
#include "lib/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/message.h"

int
state_dir_open(const char *path, int create, int *dir_fd)
{
	if (create && mkdir(path, 0700) == -1 && errno != EEXIST) {
		message("%s: cannot make the state directory: %s", path,
		    strerror(errno));
		return EXIT_IO;
	}
	*dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd == -1) {
		message("%s: cannot open the state directory: %s", path,
		    strerror(errno));
		return EXIT_IO;
	}
	return 0;
}

/* What the holder wrote, without its newline. */
static void
read_holder(int fd, char *holder, size_t size)
{
	ssize_t n = pread(fd, holder, size - 1, 0);

	holder[n > 0 ? n : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
}

static int
is_lock_file(int dir_fd, int lock_fd)
{
	struct stat by_name;
	struct stat given;

	return fstatat(dir_fd, "lock", &by_name, 0) == 0 &&
	       fstat(lock_fd, &given) == 0 && by_name.st_dev == given.st_dev &&
	       by_name.st_ino == given.st_ino;
}

int
state_dir_lock(int dir_fd, const char *path, int lock_fd, const char *holder)
{
	char other[256];

	if (lock_fd >= 0 && !is_lock_file(dir_fd, lock_fd)) {
		message("--lock-fd %d: is not %s/lock", lock_fd, path);
		return EXIT_USAGE;
	}
	int inherited = lock_fd >= 0;
	if (!inherited)
		lock_fd =
		    openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd == -1) {
		message("%s/lock: %s", path, strerror(errno));
		return EXIT_IO;
	}
	if (flock(lock_fd, LOCK_EX | LOCK_NB) == -1) {
		if (errno != EWOULDBLOCK) {
			message("%s/lock: %s", path, strerror(errno));
			return EXIT_IO;
		}
		read_holder(lock_fd, other, sizeof(other));
		message("%s: in use by %s; try again when it has ended", path,
		    *other ? other : "another run");
		if (!inherited)
			close(lock_fd);
		return EXIT_TRY_AGAIN;
	}
	/*
	 * For people only, so a full disk must not stop the run here.  Whoever
	 * lent us the lock outlives us and has signed it.
	 */
	if (!inherited && ftruncate(lock_fd, 0) == 0 &&
	    pwrite(lock_fd, holder, strlen(holder), 0) == -1)
		message_verbose("%s/lock: %s", path, strerror(errno));
	return 0;
}
