/* Bytes both ways between a link and a socket. */
#include "tp-fetch/pump.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/message.h"
#include "tp-fetch/link.h"

/* Measured: 64 to 512 KiB do equally well, 1 MiB leaves the cache. */
enum { FLOW_BYTES = 128 * 1024 };

/* Bytes [start, end) are on their way. */
struct flow {
	size_t start;
	size_t end;
	unsigned char bytes[FLOW_BYTES];
};

struct pump {
	struct link *link;
	int socket;
	int is_link_over;
	int is_socket_over;
	struct link_failure failure; /* set with is_link_over */
	struct flow inward;
	struct flow outward;
};

struct pump *
pump_new(struct link *link, int socket)
{
	struct pump *pump = calloc(1, sizeof(*pump));

	if (pump == NULL)
		die(EXIT_OS, "out of memory");
	pump->link = link;
	pump->socket = socket;
	return pump;
}

void
pump_free(struct pump *pump)
{
	if (pump == NULL)
		return;
	close(pump->socket);
	link_close(pump->link);
	free(pump);
}

static int
is_empty(const struct flow *flow)
{
	return flow->start == flow->end;
}

static void
advance(struct flow *flow, size_t count)
{
	flow->start += count;
	if (is_empty(flow))
		flow->start = flow->end = 0;
}

static void
link_is_over(struct pump *pump, ssize_t status)
{
	pump->is_link_over = 1;
	pump->outward.start = pump->outward.end = 0;
	if (status == LINK_EOF)
		link_fail(&pump->failure, "the server closed the connection");
	else
		pump->failure = pump->link->failure;
}

static int
fill_from_link(struct pump *pump)
{
	struct flow *flow = &pump->inward;
	int has_moved = 0;

	while (!pump->is_link_over && flow->end < FLOW_BYTES) {
		ssize_t n = link_read(pump->link, flow->bytes + flow->end,
		    FLOW_BYTES - flow->end);
		if (n == LINK_AGAIN)
			break;
		if (n > 0)
			flow->end += (size_t)n;
		else
			link_is_over(pump, n);
		has_moved = 1;
	}
	return has_moved;
}

/* 1 when bytes went out, or when the socket turned out to be closed. */
static int
drain_to_socket(struct pump *pump)
{
	struct flow *flow = &pump->inward;

	if (is_empty(flow))
		return 0;
	ssize_t n = send(pump->socket, flow->bytes + flow->start,
	    flow->end - flow->start, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		advance(flow, (size_t)n);
	else if (errno == EAGAIN || errno == EINTR)
		return 0;
	else
		pump->is_socket_over = 1;
	return 1;
}

int
pump_inward(struct pump *pump)
{
	if (pump->is_socket_over)
		return 0;
	int has_moved = fill_from_link(pump) | drain_to_socket(pump);
	if (pump->is_link_over && is_empty(&pump->inward)) {
		shutdown(pump->socket, SHUT_RDWR);
		pump->is_socket_over = 1;
	}
	return has_moved;
}

static int
fill_from_socket(struct pump *pump)
{
	struct flow *flow = &pump->outward;

	if (pump->is_socket_over || pump->is_link_over || !is_empty(flow))
		return 0;
	ssize_t n = recv(pump->socket, flow->bytes, FLOW_BYTES, MSG_DONTWAIT);
	if (n > 0)
		flow->end = (size_t)n;
	else if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	else
		pump->is_socket_over = 1;
	return 1;
}

int
pump_outward(struct pump *pump)
{
	struct flow *flow = &pump->outward;
	int has_moved = fill_from_socket(pump);

	while (!is_empty(flow)) {
		ssize_t n = link_write(pump->link, flow->bytes + flow->start,
		    flow->end - flow->start);
		if (n == LINK_AGAIN)
			break;
		if (n > 0)
			advance(flow, (size_t)n);
		else
			link_is_over(pump, n);
		has_moved = 1;
	}
	return has_moved;
}

/* A descriptor without events is left out: its hang-up would end every poll. */
void
pump_poll_set(const struct pump *pump, struct pollfd set[2])
{
	int has_inward = !is_empty(&pump->inward);
	int has_outward = !is_empty(&pump->outward);
	int may_read = !pump->is_link_over && !pump->is_socket_over &&
		       pump->inward.end < FLOW_BYTES;
	int may_take = !pump->is_link_over && !has_outward;

	set[0] = (struct pollfd){ .fd = pump->link->fd };
	if (may_read || has_outward)
		set[0].events = link_events(pump->link, may_read, has_outward);
	set[1] = (struct pollfd){ .fd = pump->socket };
	if (!pump->is_socket_over)
		set[1].events = (short)((has_inward ? POLLOUT : 0) |
					(may_take ? POLLIN : 0));
	for (int i = 0; i < 2; i++)
		if (set[i].events == 0)
			set[i].fd = -1;
}

int
pump_is_over(const struct pump *pump)
{
	return pump->is_link_over || pump->is_socket_over;
}

const struct link_failure *
pump_failure(const struct pump *pump)
{
	return pump->is_link_over ? &pump->failure : NULL;
}
