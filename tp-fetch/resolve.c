/* getaddrinfo() with a deadline. */
#include "tp-fetch/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/message.h"
#include "tp-fetch/link.h"

/* Belongs to the asker and to the thread; the last to leave frees it. */
struct lookup {
	atomic_int owners;
	int done_fd;
	atomic_int is_done; /* done_fd wakes; this orders what follows */
	int status;         /* getaddrinfo's */
	int saved_errno;
	struct addrinfo *addresses;
	char host[256];
	char port[32];
};

static void
lookup_leave(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->owners, 1) > 1)
		return;
	if (lookup->addresses != NULL)
		freeaddrinfo(lookup->addresses);
	close(lookup->done_fd);
	free(lookup);
}

static void *
lookup_thread(void *cookie)
{
	struct lookup *lookup = cookie;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG };

	lookup->status =
	    getaddrinfo(lookup->host, lookup->port, &hints, &lookup->addresses);
	lookup->saved_errno = errno;
	atomic_store(&lookup->is_done, 1);
	eventfd_write(lookup->done_fd, 1);
	lookup_leave(lookup);
	return NULL;
}

static struct lookup *
lookup_start(const char *host, const char *port)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	pthread_t thread;

	if (lookup == NULL)
		die(EXIT_OS, "out of memory");
	atomic_init(&lookup->owners, 2);
	atomic_init(&lookup->is_done, 0);
	snprintf(lookup->host, sizeof(lookup->host), "%s", host);
	snprintf(lookup->port, sizeof(lookup->port), "%s", port);
	lookup->done_fd = eventfd(0, EFD_CLOEXEC);
	if (lookup->done_fd == -1)
		die(EXIT_OS, "eventfd: %s", strerror(errno));
	int error = pthread_create(&thread, NULL, lookup_thread, lookup);
	if (error != 0)
		die(EXIT_OS, "pthread_create: %s", strerror(error));
	pthread_detach(thread);
	return lookup;
}

/* An address in figures needs no name server, and no thread. */
static struct addrinfo *
resolve_figures(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST };
	struct addrinfo *addresses = NULL;

	return getaddrinfo(host, port, &hints, &addresses) == 0 ? addresses
								: NULL;
}

struct addrinfo *
resolve(const char *host, const char *port, int64_t deadline_ms, int cancel_fd,
    struct link_failure *failure)
{
	struct addrinfo *addresses = resolve_figures(host, port);
	struct link_failure wait_failure = { 0 };

	if (addresses != NULL)
		return addresses;
	struct lookup *lookup = lookup_start(host, port);
	if (link_wait(lookup->done_fd, POLLIN, deadline_ms, cancel_fd,
		&wait_failure) == -1 ||
	    !atomic_load(&lookup->is_done)) {
		link_fail(failure, "look up %s: %s", host, wait_failure.why);
	} else if (lookup->status != 0) {
		link_fail(failure, "look up %s: %s", host,
		    lookup->status == EAI_SYSTEM
			? strerror(lookup->saved_errno)
			: gai_strerror(lookup->status));
	} else {
		addresses = lookup->addresses;
		lookup->addresses = NULL;
	}
	lookup_leave(lookup);
	return addresses;
}
