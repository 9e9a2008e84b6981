/*
 * One HTTP request at a time over libcurl: a connection of its own, its
 * channel and cookies, what is sent and what comes back.
 *
 * The body is sent from where it lies in the batch, which must stay until the
 * request is done; compressed, it is the request's own.
 */
#ifndef TP_HEC_REQUEST_H
#define TP_HEC_REQUEST_H

#include <curl/curl.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "tp-hec/batch.h"
#include "tp-hec/credentials.h"
#include "tp-hec/verdict.h"

struct ack_table;
struct receiver;
struct libdeflate_compressor;

enum { REQUEST_REPLY_BYTES = 64 * 1024 };

/* What every request has in common. */
struct request_setup {
	const struct credentials *credentials;
	const char *proxy; /* NULL: as the environment says */
	int64_t timeout_ms;
	int is_token_in_query;
	int is_ack_polled; /* indexers are asked: each request keeps to its own
			      connection and cookies, so that questions reach
			      the indexer that took the events */
};

struct request {
	CURL *easy;
	CURLSH *connections; /* its own; NULL: those of the multi handle */
	const struct request_setup *setup;
	struct receiver *receiver; /* NULL: idle */
	struct slice slice;
	unsigned period; /* the receiver's when the request began */
	int is_compressed;
	int is_second_try; /* on a fresh connection, the pooled one was dead */
	unsigned attempts; /* of libcurl, on one connection after the other */
	int is_poll;       /* asks about ackIds, sends no events */

	char channel[37];       /* a GUID */
	struct ack_table *acks; /* what it has pending; the owner's; NULL: ids
				   are not looked at */
	struct curl_slist *headers;
	void *compressed;
	struct buffer reply; /* bounded by REQUEST_REPLY_BYTES */
	int is_reply_cut;
	char retry_after[64];
	char error[CURL_ERROR_SIZE];
};

/* One that stays idle until request_prepare(). */
struct request *request_new(const struct request_setup *setup);
void request_free(struct request *request);

/*
 * Makes `easy` ready to send `len_bytes` of `body` to the receiver, compressed
 * where it takes that.  Without a body (NULL) an empty POST.  Returns how many
 * bytes will go over the wire.
 */
size_t request_prepare(struct request *request, struct receiver *receiver,
    const void *body, size_t len_bytes);

/* The same for a question about ackIds; `body` is copied, and goes as it is. */
void request_prepare_poll(struct request *request, struct receiver *receiver,
    const char *url, const char *body);

/* A new channel, and a stranger to the receivers: it has no cookies. */
void request_change_channel(struct request *request);

/* Releases what was sent; the request is idle. */
void request_finish(struct request *request);

/* What came back; points into the request. */
struct reply request_reply(const struct request *request, CURLcode result);

/* Whether anything of the last transfer left us. */
int request_was_sent(const struct request *request);

/*
 * Whether the transfer went out on a connection that had been used before, and
 * ended without an answer.
 */
int
request_died_on_old_connection(const struct request *request, CURLcode result);

/*
 * Whether the transfer failed because one side could not accept the other's
 * proof: certificates, not reachability.
 */
int request_is_refused_by_tls(const struct request *request, CURLcode result);

/* How long the transfer took. */
int64_t request_lasted_ms(const struct request *request);

/* A transfer without a reply as a verdict, for its words. */
struct verdict request_failure(const struct request *request, CURLcode result);

#endif
