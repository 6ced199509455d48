// sd_notify(3): tells the service manager, if there is one. Any thread.
#pragma once

#include <string>

namespace tertulia::broker {

// state: "READY=1", "STOPPING=1", "STATUS=…", several by newlines.
void notify_service_manager(const std::string& state);

}  // namespace tertulia::broker
