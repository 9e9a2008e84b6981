/* The bottom layer: a TCP connection. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/message.h"
#include "tp-fetch/link.h"
#include "tp-fetch/resolve.h"

/*
 * A peer that has vanished: unacknowledged bytes, or unanswered probes on an
 * idle connection, end it after this long.
 */
enum {
	PEER_SILENT_MS = 120 * 1000,
	PROBE_AFTER_SECONDS = 60,
	PROBE_EVERY_SECONDS = 15
};

static ssize_t
outcome(struct link *link, ssize_t n, const char *step)
{
	if (n >= 0)
		return n;
	if (errno == EAGAIN || errno == EINTR)
		return LINK_AGAIN;
	link_fail(&link->failure, "%s: %s", step, strerror(errno));
	return LINK_ERROR;
}

static ssize_t
tcp_read(struct link *link, void *bytes, size_t size_bytes)
{
	return outcome(link, recv(link->fd, bytes, size_bytes, 0), "receive");
}

static ssize_t
tcp_write(struct link *link, const void *bytes, size_t len_bytes)
{
	return outcome(link, send(link->fd, bytes, len_bytes, MSG_NOSIGNAL),
	    "send");
}

static short
tcp_events(struct link *link, int wants_read, int wants_write)
{
	(void)link;
	return (short)((wants_read ? POLLIN : 0) | (wants_write ? POLLOUT : 0));
}

static void
tcp_close(struct link *link)
{
	close(link->fd);
	free(link);
}

static const struct link_operations tcp_operations = { tcp_read, tcp_write,
	tcp_events, tcp_close };

/* None of these matters enough to give the connection up. */
static void
set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_SECONDS },
		{ IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_SECONDS },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, PEER_SILENT_MS },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

/* Connected descriptor, or -1 with `failure` (the reason alone). */
static int
connect_one(const struct addrinfo *address, int64_t deadline_ms, int cancel_fd,
    struct link_failure *failure)
{
	int error = 0;
	socklen_t error_bytes = sizeof(error);
	int fd = socket(address->ai_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1) {
		link_fail(failure, "socket: %s", strerror(errno));
		return -1;
	}
	set_options(fd);
	if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
		return fd;
	if (errno != EINPROGRESS)
		link_fail(failure, "%s", strerror(errno));
	else if (link_wait(fd, POLLOUT, deadline_ms, cancel_fd, failure) == 0) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
		if (error == 0)
			return fd;
		link_fail(failure, "%s", strerror(error));
	}
	close(fd);
	return -1;
}

static int
is_readable(int fd)
{
	struct pollfd set = { .fd = fd, .events = POLLIN };

	return poll(&set, 1, 0) > 0;
}

/* One address that swallows packets must not use up the time of the others. */
static int
connect_any(const char *host, const struct addrinfo *addresses,
    int64_t deadline_ms, int cancel_fd, struct link_failure *failure)
{
	int64_t left = 0;
	int fd = -1;

	for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = addresses; a != NULL && fd == -1;
	     a = a->ai_next, left--) {
		char figures[NI_MAXHOST] = "?";
		struct link_failure reason;
		int64_t now_ms = clock_ms();

		fd = connect_one(a, now_ms + (deadline_ms - now_ms) / left,
		    cancel_fd, &reason);
		if (fd != -1)
			break;
		getnameinfo(a->ai_addr, a->ai_addrlen, figures, sizeof(figures),
		    NULL, 0, NI_NUMERICHOST);
		if (strcmp(figures, host) == 0)
			*failure = reason;
		else
			link_fail(failure, "%s: %.160s", figures, reason.why);
		if (is_readable(cancel_fd))
			break;
	}
	return fd;
}

struct link *
link_tcp_connect(const char *host, const char *port, int64_t deadline_ms,
    int cancel_fd, struct link_failure *failure)
{
	struct link_failure reason;
	struct addrinfo *addresses =
	    resolve(host, port, deadline_ms, cancel_fd, &reason);
	int fd = -1;

	if (addresses != NULL) {
		fd = connect_any(host, addresses, deadline_ms, cancel_fd,
		    &reason);
		freeaddrinfo(addresses);
	}
	if (fd == -1) {
		link_fail(failure,
		    strchr(host, ':') != NULL ? "connect to [%.100s]:%s: %s"
					      : "connect to %.100s:%s: %s",
		    host, port, reason.why);
		return NULL;
	}
	struct link *link = calloc(1, sizeof(*link));
	if (link == NULL)
		die(EXIT_OS, "out of memory");
	link->operations = &tcp_operations;
	link->fd = fd;
	return link;
}
