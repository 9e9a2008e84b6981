/*
 * The listening socket and its connections: a thread for each.
 */
#ifndef STANDIN_HEC_SERVER_H
#define STANDIN_HEC_SERVER_H

#include <openssl/ssl.h>
#include <stdint.h>

#include "transport.h"

struct server;

/* Serves one connection, in a thread of its own; closing it is the server's. */
typedef void server_handler(void *context, struct transport *transport);

/*
 * Called in the connection's thread before `handler`; NULL stands for a failed
 * handshake.
 */
typedef void server_witness(void *context, const struct transport *transport);

/* Listens; ends the program when it cannot.  Borrows `tls` (NULL: plain). */
struct server *server_new(const char *host, uint16_t port, SSL_CTX *tls,
    server_handler *handler, server_witness *witness, void *context);

uint16_t server_port(const struct server *server);

/* To poll for reading; -1 while connections are refused. */
int server_fd(const struct server *server);

/* Accepts what waits. */
void server_accept(struct server *server);

/* Refuses new connections for `ms` from now.  From any thread. */
void server_refuse(struct server *server, int64_t ms);

/* Closes or reopens the listening socket as server_refuse() asked. */
void server_tick(struct server *server);

/*
 * Wakes every reader, and waits until all are gone, then frees; false when
 * some are busy after `ms`.
 */
bool server_free(struct server *server, int64_t ms);

#endif
