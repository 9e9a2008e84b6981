/* server.h -- the service over gRPC and mutual TLS, by grpc core. */
#ifndef STANDIN_AUTH_SERVER_H
#define STANDIN_AUTH_SERVER_H

#include "service.h"

struct server;

/* Listens; ends the program if it cannot.  grpc_init() must have been called.
 * Both arguments must outlive the server. */
struct server *
server_start(const struct options *options, struct service *service);
int server_port(const struct server *server);
/* Distinct connections that made a call, or, with the relay, all of them. */
long server_connections(const struct server *server);

/* Serves until server_stop(), which another thread may call once. */
void server_run(struct server *server);
void server_stop(struct server *server);
void server_free(struct server *server);

#endif
