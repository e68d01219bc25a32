#include "helpers.h"

#define WORD_LENGTH 6
#define MAX_ROUNDS 512

const char WORD[WORD_LENGTH + 1] SEC(".rodata") = "foobar";

SEC("sk_skb/stream_verdict")
int drop_foobar(struct __sk_buff *ctx)
{
    char part[8];
    int place;

    if (ctx->len < WORD_LENGTH)
        return SK_PASS;
    for (place = 0; place < MAX_ROUNDS; place++) {
        if (bpf_skb_load_bytes(ctx, place, part, WORD_LENGTH) < 0)
            return SK_PASS;
        if (!bpf_strncmp(part, WORD_LENGTH, WORD))
            return SK_DROP;
    }
    return SK_DROP;
}
