//! Who runs the servers where we are root, which PostgreSQL refuses to be.

use std::fs;

use crate::error::KitError;

const NAMES: [&str; 2] = ["postgres", "nobody"];

/// A user and its group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// The account to use: the one that already owns our servers' folder, else the first there is.
pub(crate) fn choose(owner: u32) -> Result<Account, KitError> {
    let users = fs::read_to_string("/etc/passwd").map_err(KitError::io("cannot read", "/etc/passwd"))?;
    among(&users, owner).ok_or(KitError::NoAccount)
}

fn among(users: &str, owner: u32) -> Option<Account> {
    let known = || NAMES.iter().filter_map(|name| find(users, name));
    // An installed PostgreSQL brings its own account, and servers may be running by then.
    known().find(|account| account.user == owner).or_else(|| known().next())
}

fn find(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[..] {
            [found, _, user, group, ..] if found == name => {
                Some(Account { user: user.parse().ok()?, group: group.parse().ok()? })
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "root:x:0:0:root:/root:/bin/sh\npostgres2:x:7:8::/:/bin/sh\nnobody:x:65534:65533::/:/bin/sh\n";

    #[test]
    fn the_servers_own_account_is_best() {
        let users = format!("{NOBODY}postgres:x:101:104:,,,:/:/bin/sh\n");
        assert_eq!(among(&users, 0), Some(Account { user: 101, group: 104 }));
        assert_eq!(among(NOBODY, 0), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(among("root:x:0:0:root:/root:/bin/sh\n", 0), None);
    }

    #[test]
    fn an_account_that_has_servers_stays() {
        let users = format!("{NOBODY}postgres:x:101:104:,,,:/:/bin/sh\n");
        assert_eq!(among(&users, 65534), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(among(&users, 7), Some(Account { user: 101, group: 104 }));
    }
}
