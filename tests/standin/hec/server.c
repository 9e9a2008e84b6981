/*
 * The listening socket and its connections.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "../say.h"
#include "patience.h"

enum { BACKLOG = 128 };

struct connection {
	struct server *server;
	int fd;
	struct connection *next;
};

struct server {
	int keeper;   /* bound, not listening: has the port while refusing */
	int listener; /* -1 while refusing */
	struct sockaddr_in address;
	SSL_CTX *tls;
	server_handler *handler;
	server_witness *witness;
	void *context;

	pthread_mutex_t lock;
	pthread_cond_t gone; /* the last connection is */
	struct connection *connections;
	int64_t refuse_until_ms;
};

/* Sets the port where the address leaves it open. */
static int
bind_to(struct sockaddr_in *address)
{
	socklen_t len = sizeof *address;
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)address, sizeof *address) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &len) < 0)
		die(EX_UNAVAILABLE, "bind: port %u: %s",
		    ntohs(address->sin_port), strerror(errno));
	return fd;
}

static int
listen_on(struct sockaddr_in *address)
{
	int fd = bind_to(address);

	if (listen(fd, BACKLOG) < 0)
		die(EX_UNAVAILABLE, "listen: port %u: %s",
		    ntohs(address->sin_port), strerror(errno));
	return fd;
}

struct server *
server_new(const char *host, uint16_t port, SSL_CTX *tls,
    server_handler *handler, server_witness *witness, void *context)
{
	struct server *server = calloc(1, sizeof *server);

	if (server == NULL)
		die(EX_OSERR, "memory: the server refused");
	server->address.sin_family = AF_INET;
	server->address.sin_port = htons(port);
	if (inet_pton(AF_INET, host, &server->address.sin_addr) != 1)
		die(EX_USAGE, "--listen: %s is not an IPv4 address", host);
	server->keeper = bind_to(&server->address);
	server->listener = listen_on(&server->address);
	server->tls = tls;
	server->handler = handler;
	server->witness = witness;
	server->context = context;
	pthread_mutex_init(&server->lock, NULL);
	pthread_cond_init(&server->gone, NULL);
	return server;
}

uint16_t
server_port(const struct server *server)
{
	return ntohs(server->address.sin_port);
}

int
server_fd(const struct server *server)
{
	return server->listener;
}

/* --- connections ---------------------------------------------------------- */

static void
add(struct server *server, struct connection *connection)
{
	pthread_mutex_lock(&server->lock);
	connection->next = server->connections;
	server->connections = connection;
	pthread_mutex_unlock(&server->lock);
}

/* Before its descriptor is closed, lest another one be shut down for it. */
static void
forget_fd(struct connection *connection)
{
	pthread_mutex_lock(&connection->server->lock);
	connection->fd = -1;
	pthread_mutex_unlock(&connection->server->lock);
}

static void
drop(struct connection *connection)
{
	struct server *server = connection->server;
	struct connection **link = &server->connections;

	pthread_mutex_lock(&server->lock);
	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
	if (server->connections == NULL)
		pthread_cond_signal(&server->gone);
	pthread_mutex_unlock(&server->lock);
	free(connection);
}

static void *
run(void *argument)
{
	struct connection *connection = argument;
	struct server *server = connection->server;
	struct transport *transport;

	transport = transport_accept(connection->fd, server->tls);
	server->witness(server->context, transport);
	if (transport != NULL)
		server->handler(server->context, transport);
	forget_fd(connection);
	transport_close(transport);
	drop(connection);
	return NULL;
}

static void
start(struct server *server, int fd)
{
	struct connection *connection = calloc(1, sizeof *connection);
	pthread_attr_t detached;
	pthread_t thread;

	if (connection == NULL)
		die(EX_OSERR, "memory: a connection refused");
	connection->server = server;
	connection->fd = fd;
	add(server, connection);
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &detached, run, connection) != 0) {
		say("thread: refused; a connection was dropped");
		close(fd);
		drop(connection);
	}
	pthread_attr_destroy(&detached);
}

void
server_accept(struct server *server)
{
	int fd;

	while ((fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		start(server, fd);
}

/* --- refusing and stopping ------------------------------------------------ */

void
server_refuse(struct server *server, int64_t ms)
{
	pthread_mutex_lock(&server->lock);
	server->refuse_until_ms = clock_ms() + ms;
	pthread_mutex_unlock(&server->lock);
}

void
server_tick(struct server *server)
{
	bool refuses;

	pthread_mutex_lock(&server->lock);
	refuses = clock_ms() < server->refuse_until_ms;
	pthread_mutex_unlock(&server->lock);
	if (refuses && server->listener >= 0) {
		close(server->listener);
		server->listener = -1;
	} else if (!refuses && server->listener < 0) {
		server->listener = listen_on(&server->address);
	}
}

bool
server_free(struct server *server, int64_t ms)
{
	struct timespec until;
	struct connection *connection;
	bool left_behind;

	if (server->listener >= 0)
		close(server->listener);
	close(server->keeper);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	pthread_mutex_lock(&server->lock);
	for (connection = server->connections; connection != NULL;
	     connection = connection->next)
		if (connection->fd >= 0)
			shutdown(connection->fd, SHUT_RD);
	while (server->connections != NULL &&
	       pthread_cond_clockwait(&server->gone, &server->lock,
		   CLOCK_MONOTONIC, &until) == 0)
		;
	left_behind = server->connections != NULL;
	pthread_mutex_unlock(&server->lock);
	if (left_behind)
		say("stop: connections still busy after %lld ms",
		    (long long)ms);
	else
		free(server);
	return !left_behind;
}
