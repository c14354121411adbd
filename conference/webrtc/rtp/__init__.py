"""RTP, RTCP and SRTP: packets as bytes and values, and the statistics of a stream."""
