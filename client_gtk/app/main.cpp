#include "client_gtk/app/application.hpp"

int main(int argc, char** argv) { return tertulia::gtk::run(argc, argv); }
