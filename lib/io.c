/* Reads and writes that finish. */
#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/message.h"

void
io_check_standard(int is_stdout_for_data)
{
	if (is_stdout_for_data && fcntl(STDOUT_FILENO, F_GETFD) == -1)
		die(EXIT_IO, "standard output is closed");
	for (int fd = 0; fd != -1 && fd <= STDERR_FILENO;)
		if (fcntl(fd, F_GETFD) == -1)
			/* The lowest free one is `fd`, and is to be inherited:
			 * NOLINTNEXTLINE(android-cloexec-open) */
			fd = open("/dev/null", O_RDWR);
		else
			fd++;
}

int
io_write_all(int fd, const void *bytes, size_t len_bytes)
{
	const char *next = bytes;

	while (len_bytes > 0) {
		ssize_t n = write(fd, next, len_bytes);
		if (n >= 0) {
			next += n;
			len_bytes -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };
			if (poll(&ready, 1, -1) == -1 && errno != EINTR)
				return -1;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int
read_to_end(int fd, size_t max_bytes, struct buffer *into)
{
	size_t start = into->len_bytes;

	for (;;) {
		char *room = buffer_reserve(into, 4096);
		ssize_t n = read(fd, room, 4096);
		if (n == 0)
			return 0;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			into->len_bytes += (size_t)n;
		if (into->len_bytes - start > max_bytes) {
			errno = EFBIG;
			return -1;
		}
	}
}

int
io_read_file(const char *path, size_t max_bytes, struct buffer *into)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return -1;
	int result = read_to_end(fd, max_bytes, into);
	int saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return result;
}
