#include "helpers.h"
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h> /* IPPROTO_* */
#include <linux/ip.h>
#include <linux/ipv6.h>

#ifndef IPPROTO_ICMPV6
#define IPPROTO_ICMPV6 58
#endif

#define IPV6_ROW 4
#define NOT_IP_ROW 8
#define OTHER 3

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __type(key, __u32);
    __type(value, __u64);
    __uint(max_entries, 12);
} COUNTS SEC(".maps");

SEC("socket")
int count(struct __sk_buff *ctx)
{
    __u32 row, column = OTHER, place, index;
    __u8 protocol;
    __u64 *counter;

    if (ctx->pkt_type == PACKET_OUTGOING)
        return 0;
    switch (ctx->protocol) {
    case __builtin_bswap16(ETH_P_IP):
        row = 0;
        place = ETH_HLEN + offsetof(struct iphdr, protocol);
        break;
    case __builtin_bswap16(ETH_P_IPV6):
        row = IPV6_ROW;
        place = ETH_HLEN + offsetof(struct ipv6hdr, nexthdr);
        break;
    default:
        row = NOT_IP_ROW;
        goto add;
    }
    if (bpf_skb_load_bytes(ctx, place, &protocol, 1))
        goto add;
    switch (protocol) {
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        column = 0;
        break;
    case IPPROTO_TCP:
        column = 1;
        break;
    case IPPROTO_UDP:
        column = 2;
        break;
    }
add:
    index = row + column;
    counter = bpf_map_lookup_elem(&COUNTS, &index);
    if (counter)
        __sync_fetch_and_add(counter, 1);
    return 0;
}
