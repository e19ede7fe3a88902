//! What the program needs and does not get: threads, memory, descriptors, an output.
