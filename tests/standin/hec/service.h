/*
 * One connection: requests in turn, each to what serves its path.
 */
#ifndef STANDIN_HEC_SERVICE_H
#define STANDIN_HEC_SERVICE_H

#include "standin.h"
#include "transport.h"

/* Returns when the connection is to be closed. */
void serve_connection(struct standin *standin, struct transport *transport);

#endif
