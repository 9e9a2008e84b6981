/* A receiver's trouble in words. */
#include "tp-hec/complaint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/message.h"
#include "tp-hec/receiver.h"
#include "tp-hec/verdict.h"

static const struct {
	int status; /* 0: any */
	int code;   /* -1: not HEC's answer */
	const char *advice;
} advices[] = {
	{ 0, 1, "enable the token in Splunk" },
	{ 0, 2, "give the token with --token-file" },
	{ 0, 3, "check --token-file" },
	{ 0, 4, "check --token-file" },
	{ 0, 7, "check --index and the indexes that the token allows" },
	{ 0, 10, "the token wants indexer acknowledgement" },
	{ 0, 11, "the token wants indexer acknowledgement" },
	{ 0, 16, "leave out --token-in-query, or allow it for the token" },
	{ 0, 28, "the token wants indexer acknowledgement" },
	{ 401, -1, "check what stands before the receiver" },
	{ 403, -1, "check what stands before the receiver" },
	{ 404, -1, "check the path in --url" },
	{ 0, 404, "check the path in --url" }, /* Splunk's own 404 and 405 */
	{ 405, -1, "check the path in --url" },
	{ 407, -1, "check --proxy" },
};

static const char *
find_advice(enum trouble trouble, const struct verdict *verdict, int status)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (advices[i].code == verdict->code &&
		    (advices[i].status == 0 || advices[i].status == status))
			return advices[i].advice;
	if (status == 0 && trouble == TROUBLE_REFUSED)
		return "check --url, --ca, --cert and --key";
	return NULL;
}

void
complaint_phrase(const struct verdict *verdict, int status, char *text,
    size_t text_bytes)
{
	if (status == 0)
		snprintf(text, text_bytes, "%s", verdict->text);
	else if (verdict->code < 0)
		snprintf(text, text_bytes, "%d, not an answer of HEC: %s",
		    status, verdict->text);
	else
		snprintf(text, text_bytes, "%d %s (code %d)", status,
		    verdict->text, verdict->code);
}

uint64_t
complaint_key(enum trouble trouble, const struct verdict *verdict, int status)
{
	return ((uint64_t)status << 32) + ((uint64_t)trouble << 24) +
	       ((uint64_t)verdict->kind << 16) + (uint64_t)(verdict->code + 2);
}

char *
complaint_count(uint64_t number, char text[32])
{
	char digits[24];
	size_t count =
	    (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, number);
	char *to = text;

	for (size_t i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

void
complaint_say(const struct receiver *receiver, const struct verdict *verdict,
    int status, int64_t pause_ms, uint64_t held_lines)
{
	char phrase[VERDICT_TEXT_BYTES + 64];
	char held[32];
	const char *advice = find_advice(receiver->trouble, verdict, status);

	complaint_phrase(verdict, status, phrase, sizeof(phrase));
	message("%s: %s%s%s; holding %s line%s, next attempt in %" PRId64
		".%" PRId64 " s",
	    receiver->name, phrase, advice ? ": " : "", advice ? advice : "",
	    complaint_count(held_lines, held), held_lines == 1 ? "" : "s",
	    pause_ms / 1000, pause_ms % 1000 / 100);
}

void
complaint_say_plainly(const struct receiver *receiver, enum trouble trouble,
    const struct verdict *verdict, int status)
{
	char phrase[VERDICT_TEXT_BYTES + 64];
	const char *advice = find_advice(trouble, verdict, status);

	complaint_phrase(verdict, status, phrase, sizeof(phrase));
	message("%s: %s%s%s", receiver->name, phrase, advice ? ": " : "",
	    advice ? advice : "");
}
