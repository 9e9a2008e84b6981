/* Asking the receivers about us. */
#include "tp-hec/check.h"

#include <curl/curl.h>

#include "lib/message.h"
#include "tp-hec/complaint.h"
#include "tp-hec/receiver.h"
#include "tp-hec/request.h"
#include "tp-hec/verdict.h"

enum { CODE_NO_DATA = 5, TRIES = 5 };

static int
judge_reply(const struct receiver *receiver, struct request *request,
    int status)
{
	credentials_mask(request->setup->credentials, request->reply.data,
	    request->reply.len_bytes);
	struct reply reply = { .status = status,
		.body = request->reply.data,
		.len_bytes = request->reply.len_bytes };
	struct verdict verdict = verdict_of(&reply, 0);

	credentials_mask_text(request->setup->credentials, verdict.text);
	if (verdict.code == CODE_NO_DATA || verdict.kind == VERDICT_ACCEPTED) {
		message("%s: good: reached, and the token is accepted",
		    receiver->name);
		return 0;
	}
	int is_refused = verdict.kind == VERDICT_HOLD;
	complaint_say_plainly(receiver,
	    is_refused ? TROUBLE_REFUSED : TROUBLE_UNREACHED, &verdict, status);
	return is_refused ? EXIT_REFUSED : EXIT_UNAVAILABLE;
}

static int
judge_failure(const struct receiver *receiver, const struct request *request,
    CURLcode result)
{
	int is_refused = request_is_refused_by_tls(request, result);
	struct verdict verdict = request_failure(request, result);

	complaint_say_plainly(receiver,
	    is_refused ? TROUBLE_REFUSED : TROUBLE_UNREACHED, &verdict, 0);
	return is_refused ? EXIT_REFUSED : EXIT_UNAVAILABLE;
}

/* Under TLS 1.3 the alert that refuses our certificate may be overtaken by the
   reset that follows it, and then nothing says why. */
static int
may_be_overtaken(const struct request *request, CURLcode result)
{
	return (result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR) &&
	       !request_is_refused_by_tls(request, result);
}

static CURLcode
ask(struct request *request, struct receiver *receiver)
{
	CURLcode result = CURLE_OK;

	for (int tries = 0; tries < TRIES; tries++) {
		request_finish(request);
		request_prepare(request, receiver, NULL, 0);
		result = curl_easy_perform(request->easy);
		if (!may_be_overtaken(request, result))
			break;
	}
	return result;
}

static int
check_receiver(struct request *request, const char *url)
{
	struct receiver receiver = receiver_make(url, GZIP_OFF, 1, 1);
	long status = 0;
	CURLcode result = ask(request, &receiver);

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	int exit_code = result != CURLE_OK && status == 0
			    ? judge_failure(&receiver, request, result)
			    : judge_reply(&receiver, request, (int)status);
	request_finish(request);
	return exit_code;
}

int
check_receivers(const struct request_setup *setup, const char *const *urls,
    size_t count)
{
	int worst = 0;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct request *request = request_new(setup);
	for (size_t i = 0; i < count; i++) {
		int exit_code = check_receiver(request, urls[i]);
		if (exit_code > worst)
			worst = exit_code;
	}
	request_free(request);
	curl_global_cleanup();
	return worst;
}
