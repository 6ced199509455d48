// What t-gateway hands to a worker: a frame as it came, and who ZAP says sent it.
#pragma once

#include "broker/flow/flow.hpp"

namespace tertulia::broker {

struct Inbound {
  Asker asker;  // asker.request: read from the frame's fixed place
  Bytes frame;  // whole, header included; nothing of it has been checked
};

}  // namespace tertulia::broker
