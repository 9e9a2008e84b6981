/*
 * What tp-hec is to be compared with: one POST to /raw for each event, one
 * after the other, on a kept connection; or, with --handshake, on a connection
 * and TLS handshake of its own each, which is what a client does that leaves
 * HEC's answer unread.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buffer.h"
#include "lib/io.h"
#include "lib/message.h"
#include "lib/option.h"

enum { TOKEN_MAX_BYTES = 4096 };

struct settings {
	const char *url;
	const char *token_file;
	const char *ca_file;
	const char *certificate_file;
	const char *key_file;
	int64_t events;
	long is_alone; /* a handshake for each */
};

static const struct option_spec options[] = {
	{ "url", 'u', "URL", "where to post, the path included" },
	{ "token-file", 't', "FILE", "file that holds the HEC token" },
	{ "ca", 0, "FILE", "CA certificate of the receiver" },
	{ "cert", 0, "FILE", "client certificate" },
	{ "key", 0, "FILE", "its key" },
	{ "events", 'n', "N", "the first N of them (1000)" },
	{ "handshake", 0, NULL, "a connection for each event" },
	{ 0 },
};

static const struct option_program program = {
	.usage = "one-post --url URL --token-file FILE [OPTION...] < EVENTS",
	.summary = "Posts events one by one.",
	.options = options,
};

static void
take_option(void *cookie, const char *name, const char *value)
{
	struct settings *settings = cookie;

	if (strcmp(name, "url") == 0)
		settings->url = value;
	else if (strcmp(name, "token-file") == 0)
		settings->token_file = value;
	else if (strcmp(name, "ca") == 0)
		settings->ca_file = value;
	else if (strcmp(name, "cert") == 0)
		settings->certificate_file = value;
	else if (strcmp(name, "key") == 0)
		settings->key_file = value;
	else if (strcmp(name, "events") == 0)
		settings->events = option_number(name, value, 1, 1000000000);
	else
		settings->is_alone = 1;
}

static struct curl_slist *
make_headers(const char *token_file)
{
	struct buffer line = { 0 };
	struct curl_slist *headers = NULL;

	buffer_append_text(&line, "Authorization: Splunk ");
	if (io_read_file(token_file, TOKEN_MAX_BYTES, &line) == -1)
		die(EXIT_CONFIG, "%s: cannot be read", token_file);
	char *text = buffer_text(&line);
	text[strcspn(text, "\r\n")] = '\0';
	headers = curl_slist_append(headers, text);
	headers = curl_slist_append(headers, "Expect:");
	buffer_free(&line);
	return headers;
}

static size_t
drop(const void *bytes, size_t size, size_t count, void *cookie)
{
	(void)bytes;
	(void)cookie;
	return size * count;
}

static CURL *
open_curl(const struct settings *settings, struct curl_slist *headers)
{
	CURL *curl = curl_easy_init();

	if (curl == NULL)
		die(EXIT_OS, "libcurl cannot start");
	curl_easy_setopt(curl, CURLOPT_URL, settings->url);
	/* Without one HEC takes us for too old to keep a connection. */
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "one-post/" VERSION);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
	curl_easy_setopt(curl, CURLOPT_SSLCERT, settings->certificate_file);
	curl_easy_setopt(curl, CURLOPT_SSLKEY, settings->key_file);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, settings->is_alone);
	curl_easy_setopt(curl, CURLOPT_SSL_SESSIONID_CACHE,
	    (long)!settings->is_alone);
	return curl;
}

static void
post(CURL *curl, const char *event, size_t len_bytes)
{
	long status = 0;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)len_bytes);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, event);
	code = curl_easy_perform(curl);
	if (code != CURLE_OK)
		die(EXIT_UNAVAILABLE, "%s", curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		die(EXIT_REFUSED, "the answer is %ld", status);
}

/* Returns how many there were. */
static int64_t
post_all(CURL *curl, int64_t most)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t len_bytes;
	int64_t done = 0;

	while (
	    done < most && (len_bytes = getline(&line, &capacity, stdin)) > 0) {
		post(curl, line, (size_t)len_bytes);
		done++;
	}
	free(line);
	return done;
}

int
main(int argc, char **argv)
{
	struct settings settings = { .events = 1000 };

	message_start("one-post");
	option_parse(&program, argc, argv, take_option, &settings);
	if (settings.url == NULL || settings.token_file == NULL)
		die(EXIT_USAGE, "--url and --token-file are needed");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	struct curl_slist *headers = make_headers(settings.token_file);
	CURL *curl = open_curl(&settings, headers);
	int64_t done = post_all(curl, settings.events);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	if (done < settings.events)
		die(EXIT_DATA, "standard input has only %lld events",
		    (long long)done);
	return 0;
}
