/** The provider's journey as operations to run, in the order of the guide. tests/browser checks them against the schema. */

/** Each: title and note for the Examples panel, the operation, its variables (JSON with comments). */
export const EXAMPLES = [
  {
    title: 'Who am I, and my companies',
    note: 'Start here: the ids go into the other examples.',
    query: `# Welcome! These tabs follow a service provider's
# journey. Run each with the button on the right, or
# with Ctrl-Enter. Without signing in, viewer is null.

query WhoAmI {
  viewer {
    user { name email locale }
    role
    permissions
    account { id name establishmentNumber }
    companies(first: 20) {
      totalCount
      nodes { id name establishmentNumber status }
    }
  }
  service { environment version now currentWeekStart }
}
`,
  },
  {
    title: 'Switch account',
    note: 'Choose the company that you act for.',
    query: `# Chooses the company that you act for, as does the
# list in the bar above. Take an id from WhoAmI and
# put it into the variables below.

mutation SwitchAccount($companyId: ID!) {
  switchAccount(input: { companyId: $companyId }) {
    account { id name }
    viewer { role permissions }
    userErrors { code message path }
  }
}
`,
    variables: `{
  // viewer.companies.nodes.id, from WhoAmI
  "companyId": ""
}`,
  },
  {
    title: 'Dashboard',
    note: 'What waits for you, in one request.',
    query: `# All that the dashboard shows, in one request.

query Dashboard {
  viewer {
    account {
      name
      dashboard {
        pendingInvitations
        activeContracts
        approvedProjects
        ownProjects
        openJobs
        openVacancies
        activeTeleworkers
      }
    }
  }
}
`,
  },
  {
    title: 'Pending invitations',
    note: 'Establishments that asked you to join.',
    query: `# Establishments that invite your company and wait
# for your answer, the most urgent first.

query PendingInvitations($first: Int = 10, $after: String) {
  viewer {
    account {
      invitations(
        first: $first
        after: $after
        where: { status: [PENDING] }
        orderBy: { field: EXPIRES_AT, direction: ASC }
      ) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          status
          message
          receivedAt
          expiresAt
          viewerCanDecide
          proposedStartsOn
          proposedEndsOn
          establishment {
            name
            establishmentNumber
            activity
            city { name }
          }
          document { fileName size downloadUrl }
        }
      }
    }
  }
}
`,
  },
  {
    title: 'Accept an invitation',
    note: 'Makes the contract.',
    query: `# Accepts an invitation, which makes the contract.
# validateOnly: true checks all and writes nothing.
# Set it to false to accept for real.

mutation AcceptInvitation($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) {
    invitation { id status decidedAt decidedBy { name } }
    contract { id number status startsOn endsOn }
    userErrors { code message path retryable }
  }
}
`,
    variables: `{
  "input": {
    // invitations.nodes.id, from PendingInvitations
    "invitationId": "",
    "validateOnly": true
  }
}`,
  },
  {
    title: 'Contracts, with the establishment',
    note: 'All that was agreed, newest first.',
    query: `# Your contracts and the establishments behind them.

query Contracts($first: Int = 10, $after: String) {
  viewer {
    account {
      contracts(
        first: $first
        after: $after
        orderBy: { field: CREATED_AT, direction: DESC }
      ) {
        totalCount
        pageInfo { hasNextPage endCursor }
        nodes {
          id
          number
          status
          startsOn
          endsOn
          establishment {
            name
            establishmentNumber
            email
            mobile
            city { name }
          }
          projects(first: 5) { nodes { id title status } }
        }
      }
    }
  }
}
`,
  },
  {
    title: 'Approved projects, with their jobs',
    note: 'What you may hire for.',
    query: `# Approved projects and the jobs in them.

query ApprovedProjects($first: Int = 5) {
  viewer {
    account {
      approvedProjects(first: $first) {
        totalCount
        nodes {
          id
          title
          scope
          status
          startsOn
          endsOn
          plannedHeadcount
          viewerCanUpdate
          viewerCanDelete
          establishment { name }
          jobs(first: 10) {
            totalCount
            nodes {
              id
              title
              status
              vacancies
              filled
              salaryMin
              salaryMax
            }
          }
        }
      }
    }
  }
}
`,
  },
  {
    title: 'Add a job',
    note: 'To an approved project.',
    query: `# Adds a job to an approved project.
# validateOnly: true checks all and writes nothing.
# Set it to false to add the job for real.

mutation AddJob($input: AddJobInput!) {
  addJob(input: $input) {
    job { id title status vacancies project { title } }
    userErrors { code message path retryable }
  }
}
`,
    variables: `{
  "input": {
    // approvedProjects.nodes.id, from ApprovedProjects
    "projectId": "",
    "titleAr": "ممثل خدمة عملاء",
    "titleEn": "Customer service agent",
    "vacancies": 5,
    "employmentType": "FULL_TIME",
    "weeklyHours": 40,
    "salaryMin": "4500.00",
    "salaryMax": "6000.00",
    "gender": "ANY",
    "skills": ["Arabic", "English"],
    "disabilityFriendly": true,
    "publish": true,
    "validateOnly": true
  }
}`,
  },
  {
    title: 'Create a token',
    note: 'An SP-Token, for sending reports from your own server.',
    query: `# Makes an SP-Token, with which your own server sends
# the weekly reports. The answer shows the secret this
# once and never again: keep it safe.
# validateOnly: true checks all and writes nothing.
# Set it to false to make the token for real.

mutation CreateToken($input: CreateTokenInput!) {
  createToken(input: $input) {
    secret
    token { id name displayCode environment scopes status expiresAt }
    userErrors { code message path retryable }
  }
}
`,
    variables: `{
  "input": {
    "name": "Weekly reports",
    "environment": "SANDBOX",
    "scopes": ["REPORTS_READ", "REPORTS_WRITE", "TELEWORKERS_READ"],
    "validateOnly": true
  }
}`,
  },
];

export const TABS = EXAMPLES.map(({ query, variables = '' }) => ({ query, variables }));
