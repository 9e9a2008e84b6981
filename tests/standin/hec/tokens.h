/*
 * HEC tokens: what each may do, and which one a request carries.
 */
#ifndef STANDIN_HEC_TOKENS_H
#define STANDIN_HEC_TOKENS_H

#include <stdbool.h>

#include "http.h"

enum { TOKEN_INDEXES_MAX = 16 };

struct token {
	char *value;
	bool is_disabled;
	bool uses_ack;
	bool allows_query;
	char *indexes[TOKEN_INDEXES_MAX]; /* allowed; none: every index */
	int index_count;
	struct token *next;
};

/*
 * Adds "VALUE[,ack][,disabled][,query][,index=NAME]..."; ends the program on
 * an unknown word.
 */
void tokens_add(struct token **tokens, const char *spec);
void tokens_free(struct token *tokens);
bool tokens_use_ack(const struct token *tokens);

/*
 * The token that a request carries: code 0 and `*found`, or the code to answer
 * with.  A token in the query overrides the header, even where it is not
 * allowed (inputs.conf.spec, allowQueryStringAuth).
 */
int tokens_check(const struct token *tokens, const struct http_request *request,
    const struct token **found);

/* May this token write to `index`? */
bool token_allows_index(const struct token *token, const char *index);

#endif
