/* The relay: one thread, poll, two byte queues a connection.
 *
 * A queue holds chunks with the time at which each may go on, so that delay
 * costs no throughput until QUEUE_BYTES are on the way.  An order (cut, stall)
 * comes from another thread under the lock and takes effect on the bytes not
 * yet written. */
#include "relay.h"

#include "../say.h"
#include "clock.h"
#include "memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNK_BYTES = 64 * 1024, QUEUE_BYTES = 64 * 1024 * 1024 };

struct chunk {
	struct chunk *next;
	int64_t due_ns;
	size_t size;
	size_t sent;
	char data[];
};

/* Bytes on their way from one socket to the other. */
struct queue {
	struct chunk *first;
	struct chunk *last;
	size_t bytes;
	int has_ended; /* the source said EOF */
	int is_closed; /* and that was passed on */
};

struct pair {
	struct pair *next;
	int client;
	int server;
	int port; /* of our end towards the server */
	int is_broken;
	struct queue to_client;
	struct queue to_server;
	enum cut cut;
	int64_t cut_left; /* bytes to the client before the cut */
	int64_t stalled_until_ns;
	int64_t budget_ns; /* rate limit: when the next byte may go */
};

struct relay {
	struct relay_rules rules;
	struct sockaddr_in target;
	int listener;
	int wake;
	int port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct pair *pairs;
	atomic_long connections;
	atomic_bool is_stopping;
	struct pollfd *polls;
	size_t poll_capacity;
	char buffer[CHUNK_BYTES];
};

static void
queue_clear(struct queue *queue)
{
	while (queue->first) {
		struct chunk *chunk = queue->first;

		queue->first = chunk->next;
		free(chunk);
	}
	*queue = (struct queue){ 0 };
}

static void
queue_push(struct queue *queue, const char *data, size_t size, int64_t due_ns)
{
	struct chunk *chunk = x_alloc(sizeof *chunk + size);

	*chunk = (struct chunk){ .due_ns = due_ns, .size = size };
	memcpy(chunk->data, data, size);
	if (queue->first)
		queue->last->next = chunk;
	else
		queue->first = chunk;
	queue->last = chunk;
	queue->bytes += size;
}

static void
queue_drop_front(struct queue *queue, size_t size)
{
	struct chunk *chunk = queue->first;

	chunk->sent += size;
	queue->bytes -= size;
	if (chunk->sent == chunk->size) {
		queue->first = chunk->next;
		free(chunk);
	}
}

/* An RST is what closing does to a socket that must not linger; for a FIN,
 * what the peer has sent must be read first, or it would be an RST too. */
static void
cut_socket(struct relay *relay, int fd, enum cut how)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (how == CUT_RST)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	else
		while (recv(fd, relay->buffer, sizeof relay->buffer, 0) > 0)
			;
	close(fd);
}

static void
pair_free(struct relay *relay, struct pair *pair)
{
	cut_socket(relay, pair->client, pair->cut);
	close(pair->server);
	queue_clear(&pair->to_client);
	queue_clear(&pair->to_server);
	free(pair);
}

static int
local_port(int fd)
{
	struct sockaddr_in address = { 0 };
	socklen_t size = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return 0;
	return ntohs(address.sin_port);
}

static void
accept_pair(struct relay *relay)
{
	int on = 1;
	struct pair *pair;
	int server;
	int client =
	    accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (client < 0)
		return;
	server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server < 0 ||
	    (connect(server, (const struct sockaddr *)&relay->target,
		 sizeof relay->target) &&
		errno != EINPROGRESS)) {
		say("relay: connect: %s", strerror(errno));
		close(client);
		if (server >= 0)
			close(server);
		return;
	}
	setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	pair = x_zalloc(sizeof *pair);
	pair->client = client;
	pair->server = server;
	pair->port = local_port(server);
	pair->cut = relay->rules.cut;
	pair->cut_left = relay->rules.cut_after;
	pair->next = relay->pairs;
	relay->pairs = pair;
	relay->connections++;
}

static void
take_in(struct relay *relay, struct pair *pair, int fd, struct queue *queue)
{
	ssize_t size = recv(fd, relay->buffer, sizeof relay->buffer, 0);
	int64_t due_ns =
	    clock_monotonic_ns() + relay->rules.delay_ms * NS_PER_MS;

	if (size > 0)
		queue_push(queue, relay->buffer, (size_t)size, due_ns);
	else if (size == 0)
		queue->has_ended = 1;
	else if (errno != EAGAIN && errno != EINTR)
		pair->is_broken = 1;
}

/* How many bytes of the chunk may go to the client now. */
static size_t
allowance(const struct relay *relay, const struct pair *pair, size_t size)
{
	size_t most = size;

	if (pair->cut && (int64_t)most > pair->cut_left)
		most = (size_t)pair->cut_left;
	if (relay->rules.bytes_per_second && most > 4096)
		most = 4096;
	return most;
}

static void
account(const struct relay *relay, struct pair *pair, size_t size,
    int64_t now_ns)
{
	if (pair->cut)
		pair->cut_left -= (int64_t)size;
	if (!relay->rules.bytes_per_second)
		return;
	if (pair->budget_ns < now_ns)
		pair->budget_ns = now_ns;
	pair->budget_ns +=
	    (int64_t)size * NS_PER_S / relay->rules.bytes_per_second;
}

/* When the queue's first byte may be written; INT64_MAX if there is none. */
static int64_t
due_time(const struct pair *pair, const struct queue *queue)
{
	int64_t due_ns;

	if (!queue->first)
		return INT64_MAX;
	due_ns = queue->first->due_ns;
	if (queue != &pair->to_client)
		return due_ns;
	if (due_ns < pair->stalled_until_ns)
		due_ns = pair->stalled_until_ns;
	return due_ns < pair->budget_ns ? pair->budget_ns : due_ns;
}

static void
give_out(struct relay *relay, struct pair *pair, int fd, struct queue *queue)
{
	int64_t now_ns = clock_monotonic_ns();
	int is_to_client = queue == &pair->to_client;

	while (queue->first && due_time(pair, queue) <= now_ns) {
		struct chunk *chunk = queue->first;
		size_t size = chunk->size - chunk->sent;
		ssize_t sent;

		if (is_to_client)
			size = allowance(relay, pair, size);
		if (!size)
			break;
		sent = send(fd, chunk->data + chunk->sent, size, MSG_NOSIGNAL);
		if (sent < 0) {
			pair->is_broken |= errno != EAGAIN && errno != EINTR;
			return;
		}
		if (is_to_client)
			account(relay, pair, (size_t)sent, now_ns);
		queue_drop_front(queue, (size_t)sent);
	}
	if (queue->has_ended && !queue->first && !queue->is_closed) {
		shutdown(fd, SHUT_WR);
		queue->is_closed = 1;
	}
}

static int
is_over(const struct pair *pair)
{
	if (pair->is_broken || (pair->cut && pair->cut_left <= 0))
		return 1;
	return pair->to_client.is_closed && pair->to_server.is_closed;
}

static void
sweep(struct relay *relay)
{
	struct pair **link = &relay->pairs;

	while (*link) {
		struct pair *pair = *link;

		if (is_over(pair)) {
			*link = pair->next;
			pair_free(relay, pair);
		} else {
			link = &pair->next;
		}
	}
}

static struct pollfd
poll_for(const struct pair *pair, int fd, const struct queue *in,
    const struct queue *out, int64_t now_ns)
{
	struct pollfd wish = { .fd = fd };

	if (!in->has_ended && in->bytes < QUEUE_BYTES)
		wish.events |= POLLIN;
	if (due_time(pair, out) <= now_ns)
		wish.events |= POLLOUT;
	/* A socket with no wish would still report its hang-up, for ever. */
	if (!wish.events)
		wish.fd = -1;
	return wish;
}

/* The descriptors to wait for: listener, wake, then two a pair; and until
 * when, at most.  Returns their number. */
static size_t
gather(struct relay *relay, int64_t *until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	size_t count = 2;

	for (struct pair *pair = relay->pairs; pair; pair = pair->next)
		count += 2;
	relay->polls = x_grow(relay->polls, &relay->poll_capacity, count,
	    sizeof *relay->polls);
	relay->polls[0] = (struct pollfd){ relay->listener, POLLIN, 0 };
	relay->polls[1] = (struct pollfd){ relay->wake, POLLIN, 0 };
	count = 2;
	*until_ns = INT64_MAX;
	for (struct pair *pair = relay->pairs; pair; pair = pair->next) {
		int64_t client_ns = due_time(pair, &pair->to_client);
		int64_t server_ns = due_time(pair, &pair->to_server);

		relay->polls[count++] = poll_for(pair, pair->client,
		    &pair->to_server, &pair->to_client, now_ns);
		relay->polls[count++] = poll_for(pair, pair->server,
		    &pair->to_client, &pair->to_server, now_ns);
		if (client_ns > now_ns && client_ns < *until_ns)
			*until_ns = client_ns;
		if (server_ns > now_ns && server_ns < *until_ns)
			*until_ns = server_ns;
	}
	return count;
}

static void
serve_pair(struct relay *relay, struct pair *pair, int client, int server)
{
	if (client & (POLLIN | POLLHUP | POLLERR))
		take_in(relay, pair, pair->client, &pair->to_server);
	if (server & (POLLIN | POLLHUP | POLLERR))
		take_in(relay, pair, pair->server, &pair->to_client);
	give_out(relay, pair, pair->client, &pair->to_client);
	give_out(relay, pair, pair->server, &pair->to_server);
}

static void
wait_for(struct relay *relay, size_t count, int64_t until_ns)
{
	struct timespec timeout, *limit = NULL;
	int64_t left_ns = until_ns - clock_monotonic_ns();

	if (until_ns != INT64_MAX) {
		if (left_ns < 0)
			left_ns = 0;
		timeout.tv_sec = left_ns / NS_PER_S;
		timeout.tv_nsec = left_ns % NS_PER_S;
		limit = &timeout;
	}
	if (ppoll(relay->polls, count, limit, NULL) < 0)
		for (size_t i = 0; i < count; i++)
			relay->polls[i].revents = 0;
}

static void *
run(void *argument)
{
	struct relay *relay = argument;
	eventfd_t ignored;

	pthread_mutex_lock(&relay->lock);
	while (!relay->is_stopping) {
		int64_t until_ns;
		size_t count = gather(relay, &until_ns), at = 2;

		pthread_mutex_unlock(&relay->lock);
		wait_for(relay, count, until_ns);
		pthread_mutex_lock(&relay->lock);
		if (relay->polls[1].revents)
			eventfd_read(relay->wake, &ignored);
		for (struct pair *pair = relay->pairs; pair;
		     pair = pair->next, at += 2)
			serve_pair(relay, pair, relay->polls[at].revents,
			    relay->polls[at + 1].revents);
		sweep(relay);
		if (relay->polls[0].revents)
			accept_pair(relay);
	}
	pthread_mutex_unlock(&relay->lock);
	return NULL;
}

static int
listen_on(const struct sockaddr_in *address)
{
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)address, sizeof *address) ||
	    listen(fd, SOMAXCONN)) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

struct relay *
relay_start(const struct sockaddr_in *address, int target_port,
    const struct relay_rules *rules)
{
	struct relay *relay;
	int listener = listen_on(address);

	if (listener < 0)
		return NULL;
	relay = x_zalloc(sizeof *relay);
	relay->rules = *rules;
	relay->listener = listener;
	relay->port = local_port(listener);
	relay->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	relay->target.sin_family = AF_INET;
	relay->target.sin_port = htons((uint16_t)target_port);
	relay->target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&relay->lock, NULL);
	if (relay->wake < 0 || pthread_create(&relay->thread, NULL, run, relay))
		die(EXIT_OS, "relay: cannot start a thread");
	return relay;
}

void
relay_stop(struct relay *relay)
{
	if (!relay)
		return;
	relay->is_stopping = 1;
	eventfd_write(relay->wake, 1);
	pthread_join(relay->thread, NULL);
	while (relay->pairs) {
		struct pair *pair = relay->pairs;

		relay->pairs = pair->next;
		pair_free(relay, pair);
	}
	close(relay->listener);
	close(relay->wake);
	pthread_mutex_destroy(&relay->lock);
	free(relay->polls);
	free(relay);
}

int
relay_port(const struct relay *relay)
{
	return relay->port;
}

long
relay_connections(const struct relay *relay)
{
	return relay->connections;
}

static struct pair *
find(struct relay *relay, int port)
{
	struct pair *pair = relay->pairs;

	while (pair && pair->port != port)
		pair = pair->next;
	return pair;
}

void
relay_cut(struct relay *relay, int port, enum cut how, int64_t after)
{
	struct pair *pair;

	pthread_mutex_lock(&relay->lock);
	pair = find(relay, port);
	if (pair) {
		pair->cut = how;
		pair->cut_left = after;
	}
	pthread_mutex_unlock(&relay->lock);
	eventfd_write(relay->wake, 1);
}

void
relay_stall(struct relay *relay, int port, int64_t stall_ms)
{
	struct pair *pair;

	pthread_mutex_lock(&relay->lock);
	pair = find(relay, port);
	if (pair)
		pair->stalled_until_ns =
		    clock_monotonic_ns() + stall_ms * NS_PER_MS;
	pthread_mutex_unlock(&relay->lock);
	eventfd_write(relay->wake, 1);
}
